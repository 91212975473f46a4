"""What each stage of the pipeline does around its jobs: plan them, take up what they left, and say why."""
