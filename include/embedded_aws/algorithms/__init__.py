"""Local twins of the service's own algorithms: each a package with programs for training and serving."""
