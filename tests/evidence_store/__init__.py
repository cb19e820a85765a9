"""Tests of what is kept: packages, object store, ledger, verification."""
