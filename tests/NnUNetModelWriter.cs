using System.Text.Json.Nodes;
using SharpSeg.AutoPlanner.Datasets;
using SharpSeg.AutoPlanner.Planning;
using SharpSeg.Engine.Autograd;
using SharpSeg.Engine.Networks;
using SharpSeg.Engine.Training;

namespace SharpSeg.Tests;

/// <summary>
/// Writes a folder of results as nnU-Net v2 leaves it, with random weights: plans.json, dataset.json,
/// fold_N/checkpoint_final.pth. What a test is about can be changed before.
/// </summary>
internal sealed class NnUNetModelWriter
{
    public const string Trainer = "nnUNetTrainer", PlansName = "nnUNetPlans";

    /// <summary>plans.json; one configuration `3d_fullres` unless changed.</summary>
    public JsonObject Plans { get; } = JsonNode.Parse("""
        {"dataset_name": "Dataset001_Tiny", "plans_name": "nnUNetPlans", "original_median_spacing_after_transp": [1, 1, 1],
         "original_median_shape_after_transp": [16, 16, 16], "image_reader_writer": "SimpleITKIO", "transpose_forward": [0, 1, 2],
         "transpose_backward": [0, 1, 2], "experiment_planner_used": "ExperimentPlanner", "label_manager": "LabelManager",
         "configurations": {"3d_fullres": {
           "data_identifier": "nnUNetPlans_3d_fullres", "preprocessor_name": "DefaultPreprocessor", "batch_size": 2, "patch_size": [8, 8, 8],
           "spacing": [1, 1, 1], "normalization_schemes": ["ZScoreNormalization"], "use_mask_for_norm": [false],
           "resampling_fn_data": "resample_data_or_seg_to_shape", "resampling_fn_seg": "resample_data_or_seg_to_shape",
           "resampling_fn_data_kwargs": {"is_seg": false, "order": 3, "order_z": 0, "force_separate_z": null},
           "resampling_fn_seg_kwargs": {"is_seg": true, "order": 1, "order_z": 0, "force_separate_z": null},
           "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
           "resampling_fn_probabilities_kwargs": {"is_seg": false, "order": 1, "order_z": 0, "force_separate_z": null},
           "architecture": {"network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet", "arch_kwargs": {
             "n_stages": 2, "features_per_stage": [4, 6], "conv_op": "torch.nn.modules.conv.Conv3d", "kernel_sizes": [[3, 3, 3], [3, 3, 3]],
             "strides": [[1, 1, 1], [2, 2, 2]], "n_conv_per_stage": [1, 1], "n_conv_per_stage_decoder": [1], "conv_bias": true,
             "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d", "norm_op_kwargs": {"eps": 1e-05, "affine": true},
             "dropout_op": null, "dropout_op_kwargs": null, "nonlin": "torch.nn.LeakyReLU", "nonlin_kwargs": {"inplace": true}},
             "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"]}}},
         "foreground_intensity_properties_per_channel": {"0": {"max": 1, "mean": 0.5, "median": 0.5, "min": 0, "percentile_00_5": 0, "percentile_99_5": 1, "std": 0.3}}}
        """)!.AsObject();

    /// <summary>dataset.json.</summary>
    public string Dataset { get; set; } =
        """{"channel_names": {"0": "MR"}, "labels": {"background": 0, "a": 1, "b": 2}, "numTraining": 5, "file_ending": ".nii.gz"}""";

    /// <summary>inference_allowed_mirroring_axes; null is Python's None.</summary>
    public object?[]? MirrorAxes { get; set; } = [0, 1, 2];

    /// <summary>Changes the weights before they are written.</summary>
    public Action<Dictionary<string, object?>> Change { get; set; } = _ => { };

    /// <summary>Name of the checkpoints.</summary>
    public string File { get; set; } = "checkpoint_final.pth";

    /// <summary>The JSON of a configuration.</summary>
    public JsonObject Configuration(string name = "3d_fullres") => Plans["configurations"]![name]!.AsObject();

    /// <summary>Its arch_kwargs.</summary>
    public JsonObject Arguments(string name = "3d_fullres") => Configuration(name)["architecture"]!["arch_kwargs"]!.AsObject();

    /// <summary>Adds a configuration that equals `3d_fullres`.</summary>
    public JsonObject AddConfiguration(string name)
    {
        Plans["configurations"]![name] = Configuration().DeepClone();
        return Configuration(name);
    }

    /// <summary>Writes the results of one configuration.</summary>
    /// <param name="folder">The folder TRAINER__PLANS__CONFIGURATION.</param>
    /// <param name="configuration">Which.</param>
    /// <param name="folds">Folds; each has other weights.</param>
    /// <returns>The folder.</returns>
    public string Write(string folder, string configuration = "3d_fullres", params string[] folds)
    {
        Directory.CreateDirectory(folder);
        System.IO.File.WriteAllText(Path.Combine(folder, "plans.json"), Plans.ToJsonString());
        System.IO.File.WriteAllText(Path.Combine(folder, "dataset.json"), Dataset);
        foreach (var fold in folds.Length > 0 ? folds : ["0"])
        {
            var path = Path.Combine(folder, $"fold_{fold}", File);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            TorchFileWriter.Write(path, Checkpoint(configuration, fold), prefix: "checkpoint_final");
        }

        return folder;
    }

    /// <summary>The weights of a fold, as they are written.</summary>
    public Dictionary<string, object?> Weights(string configuration, string fold)
    {
        var description = DatasetDescription.FromJson(Dataset);
        var plans = PlansJson.Parse(Plans.ToJsonString(), "plans.json", [configuration]);
        var plan = plans.Resolve(configuration);
        var random = new Random(17 + fold.Sum(character => character - '0')); // string hashes differ from run to run
        var weights = new Dictionary<string, object?>();
        foreach (var parameter in StepMemory.ParametersOf(plan.NetworkFor(Profile.Modern, description)))
        {
            var isNorm = parameter.Kind is ParameterKind.NormScale or ParameterKind.NormShift;
            var shape = WeightLayout.ReferenceShape(parameter, plan.Is2D);
            if (!isNorm || plan.Architecture.NormAffine)
            {
                Add(parameter.Name, shape, parameter.Kind == ParameterKind.NormScale ? 1 : 0);
            }

            if (parameter.Kind == ParameterKind.NormScale && plan.Architecture.Norm == NormKind.Batch)
            {
                var norm = parameter.Name[..^".weight".Length];
                Add($"{norm}.running_mean", shape, 0);
                Add($"{norm}.running_var", shape, 2);
                weights[$"{norm}.num_batches_tracked"] = new TorchTensorToWrite([250], [], Type: "Long");
            }
        }

        // Blocks list their layers once more, and the decoder keeps the encoder: the same storages under other names.
        foreach (var (name, tensor) in weights.Where(pair => pair.Key.Contains(".conv.", StringComparison.Ordinal)).ToArray())
        {
            weights[name.Replace(".conv.", ".all_modules.0.", StringComparison.Ordinal)] = tensor;
        }

        foreach (var (name, tensor) in weights.Where(pair => pair.Key.StartsWith("encoder.", StringComparison.Ordinal)).ToArray())
        {
            weights["decoder." + name] = tensor;
        }

        return weights;

        void Add(string name, int[] shape, float middle)
        {
            var values = new float[shape.Aggregate(1, (product, n) => product * n)];
            for (var i = 0; i < values.Length; i++)
            {
                values[i] = middle + (float)(random.NextDouble() - 0.5);
            }

            weights[name] = new TorchTensorToWrite(values, shape);
        }
    }

    private Dictionary<string, object?> Checkpoint(string configuration, string fold)
    {
        var weights = Weights(configuration, fold);
        Change(weights);
        return new()
        {
            ["network_weights"] = weights,
            ["optimizer_state"] =
                new Dictionary<string, object?>
                {
                    ["state"] = new Dictionary<string, object?>(),
                    ["lr"] = new NumpyScalarToWrite(0.01)
                },
            ["grad_scaler_state"] = null,
            ["logging"] =
                new Dictionary<string, object?> { ["mean_fg_dice"] = new List<object?> { new NumpyScalarToWrite(0.5), 0.6 } },
            ["_best_ema"] = new NumpyScalarToWrite(0.55),
            ["current_epoch"] = 1000,
            ["init_args"] =
                new Dictionary<string, object?> { ["configuration"] = configuration, ["fold"] = fold, ["unpack_dataset"] = true },
            ["trainer_name"] = Trainer,
            ["inference_allowed_mirroring_axes"] = MirrorAxes,
        };
    }
}
