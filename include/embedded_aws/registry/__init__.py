"""Model registry: model package groups and the versions in them.

In: CreateModelPackage, UpdateModelPackage … Out: documents with an approval status.
Read `model_packages.py`.
"""
