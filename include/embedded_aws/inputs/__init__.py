"""Input data of jobs: which objects a channel names, who gets which, and how they reach the container."""
