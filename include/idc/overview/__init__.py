"""What a person looks at: the state of partitions, tuning, the endpoint and jobs, as plain values to show."""
