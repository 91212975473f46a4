"""Amazon SageMaker Runtime: invocations of endpoints, at once, as a stream or from a queue."""
