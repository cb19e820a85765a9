"""Tests of the judge of pictures, of the comparison and of approvals."""
