"""What people did and signed for: manual accessibility sweeps."""
