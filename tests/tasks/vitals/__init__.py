"""Tests of lab Web Vitals."""
