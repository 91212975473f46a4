"""What all kinds of jobs share: operations, states, agent, input channels.

In: a job's document. Out: its final status, with its data moved in and out of the container.
Read `job_states.py` first, then `job_agent.py` and `input_channel.py`.
"""
