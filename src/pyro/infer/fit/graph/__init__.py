"""Steps as graphs of torch's operations."""
