"""Single steps of a loop that is not ours."""
