"""Painting what a sampler would have made: a seed-derived campaign picture in the colours the prompt asks for."""
