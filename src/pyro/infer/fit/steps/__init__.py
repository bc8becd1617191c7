"""What steps are, whoever makes them."""
