"""Every page looks as it was approved."""
