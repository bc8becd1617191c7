"""What advances chains: machine code on threads, batches of tensors, processes."""
