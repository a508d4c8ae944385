"""Geometry that every part of a person is made with: distance functions, meshes, colour and shade."""
