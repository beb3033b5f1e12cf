"""Parameters and MACs: real numbers for every preset, and the rules of counting."""

import pytest
import torch
from torch import nn

from kdui.catalogue.models import presets
from kdui.catalogue.tasks import TASKS
from kdui.models.building import size_of
from kdui.models.size import count_macs, count_parameters, example_inputs
from tests.models.small import built, facts_of, small_teacher

# Preset -> (task, parameters, MACs of one example).
SIZES = {
    "cnn-tiny": ("digits", 438, 6_992),
    "cnn-small": ("digits", 1_442, 23_200),
    "cnn-medium": ("digits", 72_666, 599_680),
    "cnn-large": ("fashion-mnist", 661_954, 20_907_264),
    "cnn-xlarge": ("fashion-mnist", 1_147_722, 116_059_648),
    "lenet-300-100": ("fashion-mnist", 266_610, 266_200),
    "resnet-tiny": ("digits", 1_382, 35_152),
    "resnet-8-slim": ("fashion-mnist", 19_810, 2_364_864),
    "resnet-8": ("fashion-mnist", 77_754, 9_345_920),
    "resnet-20": ("fashion-mnist", 272_186, 31_021_952),
    "resnet-8-wide": ("fashion-mnist", 1_226_442, 148_172_288),
    "depthwise-tiny": ("digits", 1_418, 28_224),
    "depthwise-slim": ("fashion-mnist", 11_098, 1_256_608),
    "depthwise": ("fashion-mnist", 38_314, 4_319_552),
    "squeeze-excite-tiny": ("digits", 1_446, 35_200),
    "squeeze-excite-slim": ("fashion-mnist", 20_552, 2_365_536),
    "squeeze-excite": ("fashion-mnist", 80_582, 9_348_608),
    "minilm-l6": ("reuters-r8", 22_716_296, 1_061_833_728),
    "minilm-l3": ("reuters-r8", 17_392_904, 530_992_128),
    "minilm-l2": ("reuters-r8", 15_618_440, 354_044_928),
    "minilm-l1": ("reuters-r8", 13_843_976, 177_097_728),
    "minilm-l3-narrow": ("reuters-r8", 14_734_664, 265_571_328),
    "minilm-l3-trim": ("reuters-r8", 7_976_456, 530_992_128),
    "minilm-l1-slim": ("reuters-r8", 1_047_944, 50_875_392),
    "decoder-4": ("reuters-r8", 10_439_424, 270_729_216),
    "bilstm-64": ("reuters-r8", 2_021_000, 6_292_480),
    "bilstm-128": ("reuters-r8", 2_154_120, 18_876_416),
    "bilstm-64-trim": ("reuters-r8", 451_592, 6_292_480),
    "bilstm-128-trim": ("reuters-r8", 584_712, 18_876_416),
    "pooled-32": ("reuters-r8", 986_056, 9_216),
    "pooled-64": ("reuters-r8", 1_970_952, 17_408),
    "pooled-64-trim": ("reuters-r8", 401_544, 17_408),
    "audio-cnn": ("spoken-digits", 297_962, 28_275_720),
    "audio-cnn-wide": ("spoken-digits", 1_185_738, 111_164_040),
    "audio-cnn-small": ("spoken-digits", 75_258, 7_429_320),
    "audio-cnn-slim": ("spoken-digits", 6_994, 1_130_280),
    "gru-56": ("spoken-digits", 17_034, 1_299_128),
    "bc-resnet-1": ("spoken-digits", 7_194, 1_939_632),
    "ds-cnn": ("spoken-digits", 17_538, 10_210_520),
    "ds-cnn-slim": ("spoken-digits", 6_954, 4_064_840),
    "history-attention-64": ("movielens-100k", 255_193, 2_557_504),
    "history-attention-128": ("movielens-100k", 607_129, 10_030_208),
    "matrix-factorization": ("movielens-100k", 74_928, 3_289_008),
    "popularity": ("movielens-100k", 3_122, 1_561),
    "history-mean-16": ("movielens-100k", 51_529, 24_976),
    "history-mean-8": ("movielens-100k", 26_545, 12_488),
    "history-mean-32": ("movielens-100k", 101_497, 49_952),
    "history-mean-16-hashed": ("movielens-100k", 27_961, 24_976),
    "lm-small": ("books", 5_770_496, 2_667_577_344),
    "lm-small-l3": ("books", 3_409_664, 1_535_115_264),
    "lm-small-narrow": ("books", 3_411_200, 1_535_115_264),
    "lm-tiny": ("books", 1_311_872, 654_311_424),
    "lm-mini": ("books", 590_304, 283_115_520),
    "smollm2-135m": ("books", 134_515_008, 56_736_350_208),
    "smollm2-135m-narrow": ("books", 85_854_528, 36_352_032_768),
    "smollm2-135m-l15": ("books", 81_413_568, 33_803_993_088),
    "bilstm-64-span": ("squad", 744_322, 75_694_080),
    "bilstm-128-span": ("squad", 1_369_858, 252_051_456),
    "minilm-l6-span": ("squad", 22_566_146, 3_020_095_488),
    "minilm-l3-span": ("squad", 17_242_754, 1_510_146_048),
    "minilm-l2-span": ("squad", 15_468_290, 1_006_829_568),
    "minilm-l1-span": ("squad", 13_693_826, 503_513_088),
    "minilm-l3-trim-span": ("squad", 8_594_306, 1_510_146_048),
    "s2s-small": ("help-de", 6_409_728, 1_903_165_440),
    "s2s-tiny": ("help-de", 942_912, 278_003_712),
    "unet": ("nuclei", 488_018, 167_051_264),
    "unet-wide": ("nuclei", 4_416_698, 1_964_900_352),
    "unet-depthwise": ("nuclei", 18_842, 8_284_160),
    "unet-depthwise-slim": ("nuclei", 5_754, 6_492_160),
    "unet-slim": ("nuclei", 29_930, 29_261_824),
    "detector": ("blood-cells", 516_216, 517_632_000),
    "detector-wide": ("blood-cells", 3_139_752, 3_114_393_600),
    "detector-depthwise": ("blood-cells", 19_536, 23_856_000),
    "detector-depthwise-wide": ("blood-cells", 67_608, 75_974_400),
    "detector-slim": ("blood-cells", 15_692, 17_433_600),
    "cnn-bigru-ctc": ("digit-strings", 404_843, 83_086_080),
    "gru-ctc-64": ("digit-strings", 53_707, 7_083_776),
    "gru-ctc-32": ("digit-strings", 17_643, 3_087_616),
    "ds-cnn-ctc": ("digit-strings", 36_939, 27_319_040),
    "ds-cnn-ctc-slim": ("digit-strings", 11_307, 9_305_856),
    "dcgan": ("fashion-pictures", 223_985, 7_438_592),
    "dcgan-wide": ("fashion-pictures", 494_049, 29_327_872),
    "dcgan-slim": ("fashion-pictures", 78_595, 1_096_032),
    "dcgan-tiny": ("fashion-pictures", 38_488, 294_000),
    "dcgan-depthwise": ("fashion-pictures", 101_641, 476_672),
}


def test_every_preset_has_a_size_in_this_table():
    assert SIZES.keys() == presets().keys()


@pytest.mark.parametrize("name", SIZES)
def test_size_of_a_preset_without_building_it(name, settings):
    task, parameters, macs = SIZES[name]
    size = size_of(facts_of(name, TASKS[task], settings), TASKS[task])
    assert (size.parameters, size.macs) == (parameters, macs)


def test_size_before_building_is_that_of_the_built_module(settings):
    task = TASKS["digits"]
    module = built("resnet-8", task, settings)
    size = size_of(facts_of("resnet-8", task, settings), task)
    assert count_parameters(module) == size.parameters
    assert count_macs(module, example_inputs(task)) == size.macs


def test_macs_of_a_convolution_and_a_linear_layer_by_hand():
    module = nn.Sequential(nn.Conv2d(3, 5, 3, padding=1, bias=False), nn.Flatten(), nn.Linear(5 * 6 * 6, 7))

    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = module

        def forward(self, pixels):
            return self.inner(pixels)

    assert count_macs(Named(), {"pixels": torch.zeros(1, 3, 6, 6)}) == 5 * 6 * 6 * 3 * 9 + 180 * 7


def test_macs_of_an_lstm_are_both_weight_matrices_a_token(settings):
    task = TASKS["sentiment"]
    module = built("bilstm-64", task, settings, small_teacher_of_width_64())
    both_directions = 2 * task.input["max_length"] * 4 * 64 * (64 + 64)
    assert count_macs(module, example_inputs(task)) == both_directions + 128 * 2


def test_counting_leaves_the_module_as_it_was(settings):
    task = TASKS["digits"]
    module = built("cnn-small", task, settings).train()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    count_macs(module, example_inputs(task))
    assert module.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


def test_example_inputs_follow_task_and_model():
    assert example_inputs(TASKS["fashion-mnist"], 3)["pixels"].shape == (3, 1, 28, 28)
    tokens = example_inputs(TASKS["reuters-r8"], 2)
    assert tokens["input_ids"].shape == tokens["attention_mask"].shape == (2, 96)
    assert tokens["input_ids"].dtype == torch.int64


def small_teacher_of_width_64():
    """The small teacher with wider embeddings, of which a BiLSTM keeps all 64 dimensions."""
    teacher = small_teacher()
    teacher.network.set_input_embeddings(nn.Embedding(16, 64))
    return teacher
