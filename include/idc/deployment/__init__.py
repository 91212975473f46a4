"""From a measured candidate to an endpoint: what is decided, what is registered, how traffic moves."""
