"""What is shown of chains while they run."""
