"""A twin of the service's image classification, in MXNet: `train` and `serve` are its programs.

Needs MXNet, NumPy, Pillow and uvicorn in the interpreter of its runtime.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/image-classification.html
"""
