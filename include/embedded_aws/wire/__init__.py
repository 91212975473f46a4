"""The wire protocol: requests and responses shaped by botocore's own service model."""
