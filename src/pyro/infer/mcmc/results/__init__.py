"""What a run leaves: draws, in memory or on disk, and what they say."""
