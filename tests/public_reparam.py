"""The documented names of ``pyro.infer.reparam``, and their parameters."""

NAMES = {
    "pyro.infer.reparam": """AutoReparam CircularReparam ConjugateReparam DiscreteCosineReparam
        GumbelSoftmaxReparam HaarReparam LatentStableReparam LinearHMMReparam LocScaleReparam
        MinimalReparam NeuTraReparam ProjectedNormalReparam Reparam SplitReparam StableReparam
        Strategy StructuredReparam StudentTReparam SymmetricStableReparam TransformReparam
        UnitJacobianReparam""",
    "pyro.infer.reparam.circular": "CircularReparam",
    "pyro.infer.reparam.conjugate": "ConjugateReparam",
    "pyro.infer.reparam.discrete_cosine": "DiscreteCosineReparam",
    "pyro.infer.reparam.haar": "HaarReparam",
    "pyro.infer.reparam.hmm": "LinearHMMReparam",
    "pyro.infer.reparam.loc_scale": "LocScaleReparam",
    "pyro.infer.reparam.neutra": "NeuTraReparam",
    "pyro.infer.reparam.projected_normal": "ProjectedNormalReparam",
    "pyro.infer.reparam.reparam": "Reparam",
    "pyro.infer.reparam.softmax": "GumbelSoftmaxReparam",
    "pyro.infer.reparam.split": "SplitReparam",
    "pyro.infer.reparam.stable": "LatentStableReparam StableReparam SymmetricStableReparam",
    "pyro.infer.reparam.strategies": "AutoReparam MinimalReparam Strategy",
    "pyro.infer.reparam.structured": "StructuredReparam",
    "pyro.infer.reparam.studentt": "StudentTReparam",
    "pyro.infer.reparam.transform": "TransformReparam",
    "pyro.infer.reparam.unit_jacobian": "UnitJacobianReparam",
}

PARAMETERS = {
    "pyro.infer.reparam.AutoReparam": "centered",
    "pyro.infer.reparam.ConjugateReparam": "guide",
    "pyro.infer.reparam.DiscreteCosineReparam": "dim smooth experimental_allow_batch",
    "pyro.infer.reparam.HaarReparam": "dim flip experimental_allow_batch",
    "pyro.infer.reparam.LinearHMMReparam": "init trans obs",
    "pyro.infer.reparam.LocScaleReparam": "centered shape_params",
    "pyro.infer.reparam.NeuTraReparam": "guide",
    "pyro.infer.reparam.SplitReparam": "sections dim",
    "pyro.infer.reparam.StructuredReparam": "guide",
    "pyro.infer.reparam.UnitJacobianReparam": "transform suffix experimental_allow_batch",
}
