"""Models: an image, an archive and variables under one name.

In: CreateModel, DescribeModel, ListModels, DeleteModel. Out: documents that endpoints and transform jobs
read. Read `model_operations.py`.
"""
