"""Programs that run on the container's side; each stands alone and needs the standard library only.

`inference_server` also needs uvicorn, in the interpreter of the runtime it serves with.
"""
