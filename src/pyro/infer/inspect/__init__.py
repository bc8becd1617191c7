"""The structure of a model: what depends on what, and pictures of it."""

from pyro.infer.inspect.dependencies import get_dependencies
from pyro.infer.inspect.digraph import render_graph
from pyro.infer.inspect.model_text import ModelText
from pyro.infer.inspect.relations import ModelRelations, get_model_relations
from pyro.infer.inspect.render_model import render_model, render_text
from pyro.infer.inspect.specification import GraphSpecification, generate_graph_specification

__all__ = [
    "GraphSpecification",
    "ModelRelations",
    "ModelText",
    "generate_graph_specification",
    "get_dependencies",
    "get_model_relations",
    "render_graph",
    "render_model",
    "render_text",
]
