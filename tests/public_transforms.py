"""The parameters of the documented transforms and of their constructors."""

PARAMETERS = {
    "pyro.distributions.transforms.AffineAutoregressive": """autoregressive_nn log_scale_min_clip
        log_scale_max_clip sigmoid_bias stable""",
    "pyro.distributions.transforms.AffineCoupling": """split_dim hypernet dim log_scale_min_clip
        log_scale_max_clip""",
    "pyro.distributions.transforms.BatchNorm": "input_dim momentum epsilon",
    "pyro.distributions.transforms.BlockAutoregressive": """input_dim hidden_factors activation
        residual""",
    "pyro.distributions.transforms.CholeskyTransform": "cache_size",
    "pyro.distributions.transforms.ConditionalAffineAutoregressive": "autoregressive_nn kwargs",
    "pyro.distributions.transforms.ConditionalAffineCoupling": "split_dim hypernet kwargs",
    "pyro.distributions.transforms.ConditionalGeneralizedChannelPermute": "nn channels permutation",
    "pyro.distributions.transforms.ConditionalHouseholder": "input_dim nn count_transforms",
    "pyro.distributions.transforms.ConditionalMatrixExponential": """input_dim nn iterations
        normalization bound""",
    "pyro.distributions.transforms.ConditionalNeuralAutoregressive": "autoregressive_nn kwargs",
    "pyro.distributions.transforms.ConditionalPlanar": "nn",
    "pyro.distributions.transforms.ConditionalRadial": "nn",
    "pyro.distributions.transforms.ConditionalSpline": "nn input_dim count_bins bound order",
    "pyro.distributions.transforms.ConditionalSplineAutoregressive": """input_dim
        autoregressive_nn kwargs""",
    "pyro.distributions.transforms.CorrLCholeskyTransform": "cache_size",
    "pyro.distributions.transforms.CorrMatrixCholeskyTransform": "cache_size",
    "pyro.distributions.transforms.DiscreteCosineTransform": "dim smooth cache_size",
    "pyro.distributions.transforms.ELUTransform": "cache_size",
    "pyro.distributions.transforms.GeneralizedChannelPermute": "channels permutation",
    "pyro.distributions.transforms.HaarTransform": "dim flip cache_size",
    "pyro.distributions.transforms.Householder": "input_dim count_transforms",
    "pyro.distributions.transforms.LeakyReLUTransform": "cache_size",
    "pyro.distributions.transforms.LowerCholeskyAffine": "loc scale_tril cache_size",
    "pyro.distributions.transforms.MatrixExponential": "input_dim iterations normalization bound",
    "pyro.distributions.transforms.NeuralAutoregressive": """autoregressive_nn hidden_units
        activation""",
    "pyro.distributions.transforms.Normalize": "p cache_size",
    "pyro.distributions.transforms.OrderedTransform": "cache_size",
    "pyro.distributions.transforms.Permute": "permutation dim cache_size",
    "pyro.distributions.transforms.Planar": "input_dim",
    "pyro.distributions.transforms.Polynomial": """autoregressive_nn input_dim count_degree
        count_sum""",
    "pyro.distributions.transforms.PositivePowerTransform": "exponent cache_size validate_args",
    "pyro.distributions.transforms.Radial": "input_dim",
    "pyro.distributions.transforms.SimplexToOrderedTransform": "anchor_point cache_size",
    "pyro.distributions.transforms.SoftplusLowerCholeskyTransform": "cache_size",
    "pyro.distributions.transforms.Spline": "input_dim count_bins bound order",
    "pyro.distributions.transforms.SplineAutoregressive": """input_dim autoregressive_nn
        count_bins bound order""",
    "pyro.distributions.transforms.SplineCoupling": """input_dim split_dim hypernet count_bins
        bound order identity""",
    "pyro.distributions.transforms.Sylvester": "input_dim count_transforms",
    "pyro.distributions.transforms.affine_autoregressive": "input_dim hidden_dims kwargs",
    "pyro.distributions.transforms.affine_coupling": "input_dim hidden_dims split_dim dim kwargs",
    "pyro.distributions.transforms.batchnorm": "input_dim kwargs",
    "pyro.distributions.transforms.block_autoregressive": "input_dim kwargs",
    "pyro.distributions.transforms.conditional_affine_autoregressive": """input_dim context_dim
        hidden_dims kwargs""",
    "pyro.distributions.transforms.conditional_affine_coupling": """input_dim context_dim
        hidden_dims split_dim dim kwargs""",
    "pyro.distributions.transforms.conditional_generalized_channel_permute": """context_dim
        channels hidden_dims""",
    "pyro.distributions.transforms.conditional_householder": """input_dim context_dim hidden_dims
        count_transforms""",
    "pyro.distributions.transforms.conditional_matrix_exponential": """input_dim context_dim
        hidden_dims iterations normalization bound""",
    "pyro.distributions.transforms.conditional_neural_autoregressive": """input_dim context_dim
        hidden_dims activation width""",
    "pyro.distributions.transforms.conditional_planar": "input_dim context_dim hidden_dims",
    "pyro.distributions.transforms.conditional_radial": "input_dim context_dim hidden_dims",
    "pyro.distributions.transforms.conditional_spline": """input_dim context_dim hidden_dims
        count_bins bound order""",
    "pyro.distributions.transforms.conditional_spline_autoregressive": """input_dim context_dim
        hidden_dims count_bins bound order""",
    "pyro.distributions.transforms.elu": "",
    "pyro.distributions.transforms.generalized_channel_permute": "kwargs",
    "pyro.distributions.transforms.householder": "input_dim count_transforms",
    "pyro.distributions.transforms.iterated": "repeats base_fn args kwargs",
    "pyro.distributions.transforms.leaky_relu": "",
    "pyro.distributions.transforms.matrix_exponential": "input_dim iterations normalization bound",
    "pyro.distributions.transforms.neural_autoregressive": "input_dim hidden_dims activation width",
    "pyro.distributions.transforms.permute": "input_dim permutation dim",
    "pyro.distributions.transforms.planar": "input_dim",
    "pyro.distributions.transforms.polynomial": "input_dim hidden_dims",
    "pyro.distributions.transforms.radial": "input_dim",
    "pyro.distributions.transforms.spline": "input_dim kwargs",
    "pyro.distributions.transforms.spline_autoregressive": """input_dim hidden_dims count_bins
        bound order""",
    "pyro.distributions.transforms.spline_coupling": """input_dim split_dim hidden_dims
        count_bins bound order identity""",
    "pyro.distributions.transforms.sylvester": "input_dim count_transforms",
}
