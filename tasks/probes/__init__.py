"""Probes of single addresses: release and service health."""
