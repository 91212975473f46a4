"""Record formats that training reads, written and verified by this package alone."""
