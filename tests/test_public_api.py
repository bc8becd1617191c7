"""Every documented name is where programs look for it, and takes its arguments in their order."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import pytest

from tests import public_guides, public_reparam, public_transforms

NAMES = {
    "pyro": """__version__ barrier clear_param_store condition deterministic distributions do
        enable_validation factor get_param_store iarange infer irange log markov module nn optim
        param params plate plate_stack poutine primitives random_module render_model sample
        set_rng_seed settings subsample util validation_enabled""",
    "pyro.nn": """AutoRegressiveNN ConditionalAutoRegressiveNN ConditionalDenseNN DenseNN
        MaskedLinear PyroModule PyroModuleList PyroParam PyroSample clear pyro_method
        to_pyro_module_""",
    "pyro.primitives": """barrier clear_param_store deterministic enable_validation factor
        get_param_store iarange irange markov module param plate plate_stack random_module sample
        set_rng_seed subsample validation_enabled""",
    "pyro.poutine": """NonlocalExit Trace block broadcast collapse condition do enable_validation
        enum equalize escape get_mask handlers infer_config is_validation_enabled lift markov mask
        messenger queue reparam replay runtime scale seed substitute trace uncondition unwrap
        util""",
    "pyro.poutine.block_messenger": "BlockMessenger",
    "pyro.poutine.broadcast_messenger": "BroadcastMessenger",
    "pyro.poutine.collapse_messenger": "CollapseMessenger",
    "pyro.poutine.condition_messenger": "ConditionMessenger",
    "pyro.poutine.do_messenger": "DoMessenger",
    "pyro.poutine.enum_messenger": "EnumMessenger",
    "pyro.poutine.equalize_messenger": "EqualizeMessenger",
    "pyro.poutine.escape_messenger": "EscapeMessenger",
    "pyro.poutine.indep_messenger": "CondIndepStackFrame",
    "pyro.poutine.infer_config_messenger": "InferConfigMessenger",
    "pyro.poutine.lift_messenger": "LiftMessenger",
    "pyro.poutine.markov_messenger": "MarkovMessenger",
    "pyro.poutine.mask_messenger": "MaskMessenger",
    "pyro.poutine.messenger": "Messenger block_messengers unwrap",
    "pyro.poutine.plate_messenger": "PlateMessenger block_plate",
    "pyro.poutine.reentrant_messenger": "ReentrantMessenger",
    "pyro.poutine.reparam_messenger": "ReparamMessenger",
    "pyro.poutine.replay_messenger": "ReplayMessenger",
    "pyro.poutine.runtime": """_PYRO_STACK NonlocalExit am_i_wrapped apply_stack effectful get_mask
        get_plates""",
    "pyro.poutine.scale_messenger": "ScaleMessenger",
    "pyro.poutine.seed_messenger": "SeedMessenger",
    "pyro.poutine.substitute_messenger": "SubstituteMessenger",
    "pyro.poutine.trace_messenger": "TraceHandler TraceMessenger identify_dense_edges",
    "pyro.poutine.trace_struct": "Trace",
    "pyro.poutine.uncondition_messenger": "UnconditionMessenger",
    "pyro.poutine.util": """all_escape discrete_escape enable_validation enum_extend
        is_validation_enabled mc_extend prune_subsample_sites site_is_factor site_is_subsample""",
    "pyro.distributions": """AVFMultivariateNormal AffineBeta AsymmetricLaplace AutoRegressive
        Bernoulli Beta BetaBinomial Binomial CAR Categorical Cauchy Censored Chi2
        CoalescentRateLikelihood CoalescentTimes CoalescentTimesWithRate ComposeTransformModule
        ConditionalDistribution ConditionalTransform ConditionalTransformModule
        ConditionalTransformedDistribution ContinuousBernoulli Delta Dirichlet
        DirichletMultinomial DiscreteHMM DiscreteWeibull Distribution Empirical
        ExpandedDistribution Exponential ExponentialFamily ExponentiallyModifiedGaussian
        ExtendedBetaBinomial ExtendedBinomial FisherSnedecor FoldedDistribution Gamma
        GammaGaussianHMM GammaPoisson GaussianHMM GaussianMRF GaussianProcess GaussianRandomWalk
        GaussianScaleMixture GeneralizedPareto Geometric GroupedNormalNormal Gumbel HalfCauchy
        HalfNormal Hurdle ICAR ImproperUniform Independent IndependentHMM InverseGamma Kumaraswamy
        LKJ LKJCholesky LKJCorrCholesky Laplace LinearHMM LogNormal LogNormalNegativeBinomial
        Logistic LogisticNormal LowRankMultivariateNormal MaskedDistribution MaskedMixture
        MatrixNormal Mixture MixtureOfDiagNormals MixtureOfDiagNormalsSharedCovariance
        MixtureSameFamily Multinomial MultivariateNormal MultivariateStudentT
        NanMaskedMultivariateNormal NanMaskedNormal NegativeBinomial Normal OMTMultivariateNormal
        OneHotCategorical OneHotCategoricalStraightThrough OneOneMatching OneTwoMatching
        OrderedLogistic OrderedProbit Pareto Poisson ProjectedNormal Rejector RelaxedBernoulli
        RelaxedBernoulliStraightThrough RelaxedOneHotCategorical
        RelaxedOneHotCategoricalStraightThrough SineBivariateVonMises SineSkewed Skellam
        SkewLogistic SkewNormal SoftAsymmetricLaplace SoftLaplace SpanningTree Stable
        StableWithLogProb StickBreakingWeights StudentT TorchDistribution TorchDistributionMixin
        TransformModule TransformedDistribution Truncated TruncatedPolyaGamma Uniform Unit
        VonMises VonMises3D Wald Weibull Wishart ZeroInflatedDistribution
        ZeroInflatedNegativeBinomial ZeroInflatedPoisson ZeroOneInflated biject_to constraints
        enable_validation is_validation_enabled kl kl_divergence register_kl transform_to
        transforms util validation_enabled""",
    "pyro.distributions.constraints": """Constraint boolean cat corr_cholesky corr_matrix
        dependent dependent_property greater_than greater_than_eq half_open_interval independent
        integer integer_interval interval less_than lower_cholesky multinomial nonnegative
        nonnegative_integer one_hot ordered_vector positive positive_definite positive_integer
        positive_ordered_vector real real_vector simplex softplus_lower_cholesky softplus_positive
        sphere stack unit_interval unit_lower_cholesky""",
    "pyro.distributions.testing.fakes": """NonreparameterizedBeta NonreparameterizedDirichlet
        NonreparameterizedGamma NonreparameterizedNormal""",
    "pyro.distributions.transforms": """AbsTransform AffineAutoregressive AffineCoupling
        AffineTransform BatchNorm BlockAutoregressive CatTransform CholeskyTransform
        ComposeTransform ComposeTransformModule ConditionalAffineAutoregressive
        ConditionalAffineCoupling ConditionalGeneralizedChannelPermute ConditionalHouseholder
        ConditionalMatrixExponential ConditionalNeuralAutoregressive ConditionalPlanar
        ConditionalRadial ConditionalSpline ConditionalSplineAutoregressive CorrCholeskyTransform
        CorrLCholeskyTransform CorrMatrixCholeskyTransform CumulativeDistributionTransform
        DiscreteCosineTransform ELUTransform ExpTransform GeneralizedChannelPermute HaarTransform
        Householder IndependentTransform LeakyReLUTransform LowerCholeskyAffine
        LowerCholeskyTransform MatrixExponential NeuralAutoregressive Normalize OrderedTransform
        Permute Planar Polynomial PositiveDefiniteTransform PositivePowerTransform PowerTransform
        Radial ReshapeTransform SigmoidTransform SimplexToOrderedTransform SoftmaxTransform
        SoftplusLowerCholeskyTransform SoftplusTransform Spline SplineAutoregressive
        SplineCoupling StackTransform StickBreakingTransform Sylvester TanhTransform Transform
        UnitLowerCholeskyTransform affine_autoregressive affine_coupling batchnorm
        block_autoregressive conditional_affine_autoregressive conditional_affine_coupling
        conditional_generalized_channel_permute conditional_householder
        conditional_matrix_exponential conditional_neural_autoregressive conditional_planar
        conditional_radial conditional_spline conditional_spline_autoregressive elu
        generalized_channel_permute householder identity_transform iterated leaky_relu
        matrix_exponential neural_autoregressive permute planar polynomial radial spline
        spline_autoregressive spline_coupling sylvester""",
    "pyro.distributions.util": """broadcast_shape deep_to detach enable_validation eye_like gather
        is_identically_one is_identically_zero is_validation_enabled logsumexp scalar_like
        scale_and_mask sum_leftmost sum_rightmost validation_enabled""",
    "pyro.infer": """CSIS DataParallel ELBO EmpiricalMarginal EnergyDistance GuideReport
        IMQSteinKernel Importance JitTraceEnum_ELBO JitTraceGraph_ELBO JitTraceMeanField_ELBO
        JitTrace_ELBO ChEES MHResampler Predictive RBFSteinKernel RandomWalkKernel RenyiELBO
        ReweightedWakeSleep SVGD SVI SVIResult TraceEnumSample_ELBO TraceEnum_ELBO TraceGraph_ELBO
        TraceMeanField_ELBO TracePosterior TracePredictive TraceTMC_ELBO TraceTailAdaptive_ELBO
        Trace_ELBO Trace_MMD WeighedPredictive config_enumerate enable_validation
        guide_diagnostics infer_discrete is_validation_enabled""",
    "pyro.infer.abstract_infer": "EmpiricalMarginal Marginals TracePosterior TracePredictive",
    "pyro.infer.elbo": "ELBO ELBOModule",
    "pyro.infer.discrete": "TraceEnumSample_ELBO infer_discrete",
    "pyro.infer.enum": """config_enumerate get_importance_trace iter_discrete_escape
        iter_discrete_traces""",
    "pyro.infer.errors": "InferenceError NonFiniteError",
    "pyro.infer.fit": "SVIResult",
    "pyro.infer.trace_elbo": "JitTrace_ELBO Trace_ELBO",
    "pyro.infer.trace_mean_field_elbo": "JitTraceMeanField_ELBO TraceMeanField_ELBO",
    "pyro.infer.traceenum_elbo": "JitTraceEnum_ELBO TraceEnum_ELBO",
    "pyro.infer.tracetmc_elbo": "TraceTMC_ELBO",
    "pyro.ops.contract": "einsum",
    "pyro.ops.indexing": "Index Vindex index vindex",
    "pyro.ops.stats": """autocorrelation autocovariance crps_empirical effective_sample_size
        energy_score_empirical fit_generalized_pareto gelman_rubin hpdi pi quantile resample
        split_gelman_rubin waic weighed_quantile""",
    "pyro.infer.importance": "Importance psis_diagnostic vectorized_importance_weights",
    "pyro.infer.inspect": """generate_graph_specification get_dependencies get_model_relations
        render_graph render_model""",
    "pyro.infer.mcmc": """ArrowheadMassMatrix BlockMassMatrix ChEES HMC MCMC MCMCKernel NUTS
        RandomWalkKernel StoredDraws StreamingMCMC initialize_model""",
    "pyro.infer.mcmc.adaptation": "ArrowheadMassMatrix BlockMassMatrix WarmupAdapter",
    "pyro.infer.mcmc.api": "MCMC",
    "pyro.infer.mcmc.hmc": "HMC",
    "pyro.infer.mcmc.mcmc_kernel": "MCMCKernel",
    "pyro.infer.mcmc.nuts": "NUTS",
    "pyro.infer.mcmc.util": """TraceEinsumEvaluator diagnostics initialize_model predictive
        print_summary select_samples summary""",
    "pyro.ops.streaming": """CountMeanStats CountMeanVarianceStats CountStats StackStats StatsOfDict
        StreamingStats""",
    "pyro.infer.predictive": """MHResampler Predictive WeighedPredictive
        WeighedPredictiveResults""",
    "pyro.infer.resampler": "Resampler",
    "pyro.infer.renyi_elbo": "RenyiELBO",
    "pyro.infer.svi": "SVI",
    "pyro.infer.mcmc.rwkernel": "RandomWalkKernel",
    "pyro.infer.svgd": "IMQSteinKernel RBFSteinKernel SVGD SteinKernel",
    "pyro.infer.energy_distance": "EnergyDistance",
    "pyro.infer.trace_mmd": "Trace_MMD",
    "pyro.infer.csis": "CSIS",
    "pyro.infer.rws": "ReweightedWakeSleep",
    "pyro.infer.tracegraph_elbo": "JitTraceGraph_ELBO TraceGraph_ELBO",
    "pyro.infer.trace_tail_adaptive_elbo": "TraceTailAdaptive_ELBO",
    "pyro.infer.util": "torch_backward torch_item zero_grads",
    "pyro.ops.tensor_utils": """as_complex block_diag_embed block_diagonal
        broadcast_tensors_without_dim cholesky_solve convolve dct haar_transform idct
        inverse_haar_transform matmul matvecmul next_fast_len periodic_cumsum periodic_features
        periodic_repeat precision_to_scale_tril repeated_matmul safe_cholesky safe_normalize
        triangular_solve""",
    "pyro.params": """ParamStoreDict module_from_param_with_module_name normalize_param_name
        param_with_module_name user_param_name""",
    "pyro.params.param_store": """ParamStoreDict module_from_param_with_module_name
        normalize_param_name param_with_module_name user_param_name""",
    "pyro.optim": """ASGD AdagradRMSProp Adadelta Adafactor Adagrad Adam AdamW Adamax
        ChainedScheduler ClippedAdam ConstantLR CosineAnnealingLR CosineAnnealingWarmRestarts
        CyclicLR DCTAdam ExponentialLR LambdaLR LinearLR MultiStepLR MultiplicativeLR Muon NAdam
        OneCycleLR PolynomialLR PyroLRScheduler PyroOptim RAdam RMSprop ReduceLROnPlateau Rprop SGD
        SequentialLR SparseAdam StepLR""",
    "pyro.optim.adagrad_rmsprop": "AdagradRMSProp",
    "pyro.optim.clipped_adam": "ClippedAdam",
    "pyro.optim.dct_adam": "DCTAdam",
    "pyro.optim.lr_scheduler": "PyroLRScheduler",
    "pyro.optim.multi": """MixedMultiOptimizer MultiOptimizer Newton PyroMultiOptimizer
        TorchMultiOptimizer""",
    "pyro.optim.optim": "PyroOptim",
    "pyro.util": """ExperimentalWarning check_if_enumerated check_model_guide_match
        check_site_shape check_traces_match get_rng_state ignore_experimental_warning
        ignore_jit_warnings jit_iter optional set_rng_seed set_rng_state timed torch_float
        torch_isinf torch_isnan warn_if_inf warn_if_nan""",
    "pyro.logger": "log",
    "pyro.settings": "context get register set",
    "pyro.contrib.minipyro": """Adam Messenger PlateMessenger SVI Trace_ELBO apply_stack block elbo
        get_param_store param plate replay sample seed trace""",
    **public_guides.NAMES,
    **public_reparam.NAMES,
}

PARAMETERS = {
    "pyro.sample": "name fn args obs obs_mask infer kwargs",
    "pyro.param": "name init_tensor constraint event_dim",
    "pyro.plate": "name size subsample_size subsample dim use_cuda device",
    "pyro.plate_stack": "prefix sizes rightmost_dim",
    "pyro.deterministic": "name value event_dim",
    "pyro.factor": "name log_factor has_rsample",
    "pyro.subsample": "data event_dim",
    "pyro.module": "name nn_module update_module_params",
    "pyro.random_module": "name nn_module prior args kwargs",
    "pyro.markov": "fn history keep dim name",
    "pyro.settings.register": "alias modulename deepname validator",
    "pyro.poutine.trace": "fn graph_type param_only",
    "pyro.poutine.block": """fn hide_fn expose_fn hide_all expose_all hide expose hide_types
        expose_types""",
    "pyro.poutine.replay": "fn trace params",
    "pyro.poutine.condition": "fn data",
    "pyro.poutine.do": "fn data",
    "pyro.poutine.substitute": "fn data",
    "pyro.poutine.lift": "fn prior",
    "pyro.poutine.scale": "fn scale",
    "pyro.poutine.mask": "fn mask",
    "pyro.poutine.seed": "fn rng_seed",
    "pyro.poutine.enum": "fn first_available_dim",
    "pyro.poutine.escape": "fn escape_fn",
    "pyro.poutine.equalize": "fn sites type keep_dist",
    "pyro.poutine.infer_config": "fn config_fn",
    "pyro.poutine.reparam": "fn config",
    "pyro.poutine.queue": "fn queue max_tries extend_fn escape_fn num_samples",
    "pyro.distributions.Normal": "loc scale validate_args",
    "pyro.distributions.Delta": "v log_density event_dim validate_args",
    "pyro.distributions.Empirical": "samples log_weights validate_args",
    "pyro.distributions.Unit": "log_factor has_rsample validate_args",
    "pyro.distributions.AVFMultivariateNormal": "loc scale_tril control_var validate_args",
    "pyro.distributions.AffineBeta": "concentration1 concentration0 loc scale validate_args",
    "pyro.distributions.AsymmetricLaplace": "loc scale asymmetry validate_args",
    "pyro.distributions.BetaBinomial": "concentration1 concentration0 total_count validate_args",
    "pyro.distributions.ComposeTransformModule": "parts cache_size",
    "pyro.distributions.ConditionalTransformedDistribution": "base_dist transforms",
    "pyro.distributions.DirichletMultinomial": "concentration total_count is_sparse validate_args",
    "pyro.distributions.ExtendedBetaBinomial": """concentration1 concentration0 total_count
        validate_args""",
    "pyro.distributions.ExtendedBinomial": "total_count probs logits validate_args",
    "pyro.distributions.FoldedDistribution": "base_dist validate_args",
    "pyro.distributions.GammaPoisson": "concentration rate validate_args",
    "pyro.distributions.GaussianScaleMixture": """coord_scale component_logits component_scale
        validate_args""",
    "pyro.distributions.GroupedNormalNormal": """prior_loc prior_scale obs_scale group_idx
        validate_args""",
    "pyro.distributions.ImproperUniform": "support batch_shape event_shape validate_args",
    "pyro.distributions.LKJ": "dim concentration validate_args",
    "pyro.distributions.LKJCorrCholesky": "d eta validate_args",
    "pyro.distributions.LogNormalNegativeBinomial": """total_count logits
        multiplicative_noise_scale num_quad_points validate_args""",
    "pyro.distributions.Logistic": "loc scale validate_args",
    "pyro.distributions.MaskedMixture": "mask component0 component1 validate_args",
    "pyro.distributions.MixtureOfDiagNormals": "locs coord_scale component_logits validate_args",
    "pyro.distributions.MixtureOfDiagNormalsSharedCovariance": """locs coord_scale
        component_logits validate_args""",
    "pyro.distributions.MultivariateStudentT": "df loc scale_tril validate_args",
    "pyro.distributions.NanMaskedMultivariateNormal": """loc covariance_matrix precision_matrix
        scale_tril validate_args""",
    "pyro.distributions.NanMaskedNormal": "loc scale validate_args",
    "pyro.distributions.OMTMultivariateNormal": "loc scale_tril validate_args",
    "pyro.distributions.OneOneMatching": "logits bp_iters validate_args",
    "pyro.distributions.OneTwoMatching": "logits bp_iters validate_args",
    "pyro.distributions.OrderedLogistic": "predictor cutpoints validate_args",
    "pyro.distributions.Rejector": """propose log_prob_accept log_scale batch_shape event_shape
        validate_args""",
    "pyro.distributions.RelaxedBernoulliStraightThrough": "temperature probs logits validate_args",
    "pyro.distributions.RelaxedOneHotCategoricalStraightThrough": """temperature probs logits
        validate_args""",
    "pyro.distributions.SkewLogistic": "loc scale asymmetry validate_args",
    "pyro.distributions.SoftAsymmetricLaplace": "loc scale asymmetry softness validate_args",
    "pyro.distributions.SoftLaplace": "loc scale validate_args",
    "pyro.distributions.SpanningTree": "edge_logits sampler_options validate_args",
    "pyro.distributions.Stable": "stability skew scale loc coords validate_args",
    "pyro.distributions.StableWithLogProb": "stability skew scale loc coords validate_args",
    "pyro.distributions.TruncatedPolyaGamma": "prototype validate_args",
    "pyro.distributions.ZeroInflatedDistribution": "base_dist gate gate_logits validate_args",
    "pyro.distributions.ZeroInflatedNegativeBinomial": """total_count probs logits gate
        gate_logits validate_args""",
    "pyro.distributions.ZeroInflatedPoisson": "rate gate gate_logits validate_args",
    "pyro.distributions.DiscreteHMM": """initial_logits transition_logits observation_dist
        validate_args duration""",
    "pyro.distributions.GammaGaussianHMM": """scale_dist initial_dist transition_matrix
        transition_dist observation_matrix observation_dist validate_args duration""",
    "pyro.distributions.GaussianHMM": """initial_dist transition_matrix transition_dist
        observation_matrix observation_dist validate_args duration""",
    "pyro.distributions.GaussianMRF": "initial_dist transition_dist observation_dist validate_args",
    "pyro.distributions.IndependentHMM": "base_dist",
    "pyro.distributions.LinearHMM": """initial_dist transition_matrix transition_dist
        observation_matrix observation_dist validate_args duration""",
    "pyro.distributions.ProjectedNormal": "concentration validate_args",
    "pyro.distributions.VonMises3D": "concentration validate_args",
    "pyro.distributions.CoalescentRateLikelihood": "leaf_times coal_times duration validate_args",
    "pyro.distributions.CoalescentTimes": "leaf_times rate validate_args",
    "pyro.distributions.CoalescentTimesWithRate": "leaf_times rate_grid validate_args",
    "pyro.distributions.SineSkewed": "base_dist skewness validate_args",
    "pyro.distributions.SineBivariateVonMises": """phi_loc psi_loc phi_concentration
        psi_concentration correlation weighted_correlation validate_args""",
    "pyro.infer.SVI": "model guide optim loss loss_and_grads num_samples num_steps",
    "pyro.infer.DataParallel": "loss weight process_group",
    "pyro.infer.guide_diagnostics": """model guide args num_samples max_plate_nesting batch_size
        kwargs""",
    "pyro.infer.Trace_ELBO": """num_particles max_plate_nesting max_iarange_nesting
        vectorize_particles strict_enumeration_warning ignore_jit_warnings jit_options retain_graph
        tail_adaptive_beta""",
    "pyro.infer.TraceMeanField_ELBO": """num_particles max_plate_nesting max_iarange_nesting
        vectorize_particles strict_enumeration_warning ignore_jit_warnings jit_options retain_graph
        tail_adaptive_beta""",
    "pyro.infer.RenyiELBO": """alpha num_particles max_plate_nesting max_iarange_nesting
        vectorize_particles strict_enumeration_warning""",
    "pyro.infer.TraceTailAdaptive_ELBO": """num_particles max_plate_nesting max_iarange_nesting
        vectorize_particles strict_enumeration_warning ignore_jit_warnings jit_options retain_graph
        tail_adaptive_beta""",
    "pyro.infer.TraceGraph_ELBO": """num_particles max_plate_nesting max_iarange_nesting
        vectorize_particles strict_enumeration_warning ignore_jit_warnings jit_options
        retain_graph tail_adaptive_beta""",
    "pyro.infer.ReweightedWakeSleep": """num_particles insomnia model_has_params
        num_sleep_particles vectorize_particles max_plate_nesting strict_enumeration_warning""",
    "pyro.infer.CSIS": """model guide optim num_inference_samples training_batch_size
        validation_batch_size""",
    "pyro.infer.Trace_MMD": """kernel mmd_scale num_particles max_plate_nesting
        max_iarange_nesting vectorize_particles strict_enumeration_warning ignore_jit_warnings
        retain_graph""",
    "pyro.infer.EnergyDistance": "beta prior_scale num_particles max_plate_nesting",
    "pyro.infer.RandomWalkKernel": "model init_step_size target_accept_prob init_strategy",
    "pyro.infer.SVGD": "model kernel optim num_particles max_plate_nesting mode",
    "pyro.infer.RBFSteinKernel": "bandwidth_factor",
    "pyro.infer.IMQSteinKernel": "alpha beta bandwidth_factor",
    "pyro.infer.MCMC": """kernel num_samples warmup_steps initial_params num_chains hook_fn
        mp_context disable_progbar disable_validation transforms save_params chain_method thinning
        checkpoint checkpoint_every stream_to executor""",
    "pyro.infer.NUTS": """model potential_fn step_size adapt_step_size adapt_mass_matrix full_mass
        use_multinomial_sampling transforms max_plate_nesting jit_compile jit_options
        ignore_jit_warnings target_accept_prob max_tree_depth init_strategy adaptation low_rank""",
    "pyro.infer.HMC": """model potential_fn step_size trajectory_length num_steps adapt_step_size
        adapt_mass_matrix full_mass transforms max_plate_nesting jit_compile jit_options
        ignore_jit_warnings target_accept_prob init_strategy min_stepsize max_stepsize adaptation
        low_rank""",
    "pyro.infer.mcmc.StreamingMCMC": """kernel num_samples warmup_steps initial_params statistics
        num_chains hook_fn disable_progbar disable_validation transforms save_params chain_method
        thinning""",
    "pyro.infer.mcmc.initialize_model": """model model_args model_kwargs transforms
        max_plate_nesting jit_compile jit_options skip_jit_warnings num_chains init_strategy
        initial_params""",
    "pyro.infer.mcmc.adaptation.WarmupAdapter": """step_size adapt_step_size target_accept_prob
        adapt_mass_matrix dense_mass""",
    "pyro.infer.Predictive": """model posterior_samples guide num_samples return_sites
        parallel redraw""",
    "pyro.infer.WeighedPredictive": """model posterior_samples guide num_samples return_sites
        parallel""",
    "pyro.infer.MHResampler": "sampler source_samples_slice stored_samples_slice",
    "pyro.infer.resampler.Resampler": """guide simulator num_guide_samples max_plate_nesting""",
    "pyro.ops.stats.autocorrelation": "input dim",
    "pyro.ops.stats.autocovariance": "input dim",
    "pyro.ops.stats.crps_empirical": "pred truth",
    "pyro.ops.stats.effective_sample_size": "input chain_dim sample_dim",
    "pyro.ops.stats.energy_score_empirical": "pred truth pred_batch_size cdist",
    "pyro.ops.stats.gelman_rubin": "input chain_dim sample_dim",
    "pyro.ops.stats.hpdi": "input prob dim",
    "pyro.ops.stats.pi": "input prob dim",
    "pyro.ops.stats.quantile": "input probs dim",
    "pyro.ops.stats.resample": "input num_samples dim replacement",
    "pyro.ops.stats.split_gelman_rubin": "input chain_dim sample_dim",
    "pyro.ops.stats.waic": "input log_weights pointwise dim",
    "pyro.ops.stats.weighed_quantile": "input probs log_weights dim",
    "pyro.infer.Importance": "model guide num_samples",
    "pyro.infer.inspect.generate_graph_specification": "model_relations render_params",
    "pyro.infer.inspect.get_dependencies": "model model_args model_kwargs include_deterministic",
    "pyro.infer.inspect.get_model_relations": """model model_args model_kwargs
        include_deterministic""",
    "pyro.infer.inspect.render_graph": "graph_specification render_distributions",
    "pyro.render_model": """model model_args model_kwargs filename render_distributions
        render_params render_deterministic""",
    "pyro.infer.EmpiricalMarginal": "trace_posterior sites validate_args",
    "pyro.infer.config_enumerate": "guide default expand num_samples tmc",
    "pyro.optim.PyroOptim": "optim_constructor optim_args clip_args",
    "pyro.optim.Adam": "optim_args clip_args",
    "pyro.optim.PyroLRScheduler": "scheduler_constructor optim_args clip_args",
    **public_guides.PARAMETERS,
    **public_reparam.PARAMETERS,
    **public_transforms.PARAMETERS,
}


def find(path: str) -> Any:
    module, name = path.rsplit(".", 1)
    return getattr(importlib.import_module(module), name)


@pytest.mark.parametrize("module", NAMES)
def test_documented_names(module: str) -> None:
    found = importlib.import_module(module)
    assert [name for name in NAMES[module].split() if not hasattr(found, name)] == []


@pytest.mark.parametrize("path", PARAMETERS)
def test_documented_parameters(path: str) -> None:
    assert list(inspect.signature(find(path)).parameters) == PARAMETERS[path].split()


@pytest.mark.parametrize(
    "module",
    ["pyro.distributions", "pyro.distributions.transforms", "pyro.infer", "pyro.infer.reparam"],
)
def test_names_that_are_imported_on_first_use(module: str) -> None:
    package = importlib.import_module(module)
    assert set(package.__all__) <= set(dir(package))
    assert [name for name in package.__all__ if not hasattr(package, name)] == []
    assert not hasattr(package, "NoSuchFamily")
    assert not inspect.ismodule(importlib.import_module("pyro.distributions.transforms").planar)
