"""The documented names of ``pyro.infer.autoguide``, and their parameters."""

_GUIDES = """AutoCallable AutoContinuous AutoDelta AutoDiagonalNormal AutoDiscreteParallel AutoGuide
    AutoGuideList AutoIAFNormal AutoLaplaceApproximation AutoLowRankMultivariateNormal
    AutoMultivariateNormal AutoNormal AutoNormalizingFlow"""
_MESSENGERS = """AutoHierarchicalNormalMessenger AutoMessenger AutoNormalMessenger
    AutoRegressiveMessenger"""
_INITS = """InitMessenger init_to_feasible init_to_generated init_to_mean init_to_median
    init_to_sample init_to_uniform init_to_value"""

NAMES = {
    "pyro.contrib.easyguide": "EasyGuide Group easy_guide",
    "pyro.contrib.easyguide.easyguide": "EasyGuide Group easy_guide",
    "pyro.infer.autoguide": f"""{_GUIDES} {_INITS} {_MESSENGERS} AutoGaussian AutoStructured
        mean_field_entropy""",
    "pyro.infer.autoguide.effect": _MESSENGERS,
    "pyro.infer.autoguide.gaussian": "AutoGaussian",
    "pyro.infer.autoguide.guides": _GUIDES,
    "pyro.infer.autoguide.initialization": _INITS,
    "pyro.infer.autoguide.structured": "AutoStructured",
    "pyro.infer.autoguide.utils": "mean_field_entropy",
    "pyro.poutine.guide": "GuideMessenger",
}

PARAMETERS = {
    "pyro.contrib.easyguide.EasyGuide": "model",
    "pyro.contrib.easyguide.easy_guide": "model",
    "pyro.infer.autoguide.AutoCallable": "model guide median",
    "pyro.infer.autoguide.AutoContinuous": "model init_loc_fn",
    "pyro.infer.autoguide.AutoDelta": "model init_loc_fn create_plates",
    "pyro.infer.autoguide.AutoDiagonalNormal": "model init_loc_fn init_scale",
    "pyro.infer.autoguide.AutoDiscreteParallel": "model create_plates",
    "pyro.infer.autoguide.AutoGaussian": "model init_loc_fn init_scale backend",
    "pyro.infer.autoguide.AutoGuide": "model create_plates",
    "pyro.infer.autoguide.AutoGuideList": "model create_plates",
    "pyro.infer.autoguide.AutoHierarchicalNormalMessenger": """model init_loc_fn init_scale
        amortized_plates init_weight hierarchical_sites""",
    "pyro.infer.autoguide.AutoIAFNormal": """model hidden_dim init_loc_fn num_transforms
        init_transform_kwargs""",
    "pyro.infer.autoguide.AutoLaplaceApproximation": "model init_loc_fn",
    "pyro.infer.autoguide.AutoLowRankMultivariateNormal": "model init_loc_fn init_scale rank",
    "pyro.infer.autoguide.AutoMessenger": "model amortized_plates",
    "pyro.infer.autoguide.AutoMultivariateNormal": "model init_loc_fn init_scale",
    "pyro.infer.autoguide.AutoNormal": "model init_loc_fn init_scale create_plates",
    "pyro.infer.autoguide.AutoNormalizingFlow": "model init_transform_fn",
    "pyro.infer.autoguide.AutoNormalMessenger": "model init_loc_fn init_scale amortized_plates",
    "pyro.infer.autoguide.AutoRegressiveMessenger": """model init_loc_fn init_scale
        amortized_plates""",
    "pyro.infer.autoguide.AutoStructured": """model conditionals dependencies init_loc_fn init_scale
        create_plates""",
    "pyro.infer.autoguide.init_to_generated": "site generate",
    "pyro.infer.autoguide.init_to_mean": "site fallback",
    "pyro.infer.autoguide.init_to_median": "site num_samples fallback",
    "pyro.infer.autoguide.init_to_uniform": "site radius",
    "pyro.infer.autoguide.init_to_value": "site values fallback",
    "pyro.infer.autoguide.mean_field_entropy": "model args whitelist",
}
