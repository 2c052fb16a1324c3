"""The nets: sizes to the last parameter, how they begin, and what D's attention does."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from signals import models  # noqa: E402

COUNTS = [
    ({"kind": "rank"}, 205_953),
    ({"kind": "rank", "hidden": 192, "head": 64}, 468_609),
    ({"kind": "stock"}, 32_501),
    ({"kind": "stock", "use_batch_norm": False, "dropout_rate": 0.2}, 32_301),
    ({"kind": "direction"}, 247_425),
    ({"kind": "direction", "hidden": 256, "layers": 3, "dropout": 0.3}, 1_414_401),
    ({"kind": "attention", "units": [192, 96, 48], "literal": True}, 315_042),
    # literal, the other four sizes: Keras' totals less 2 moving statistics a normalised unit, plus torch's second biases
    ({"kind": "attention", "units": [128, 64, 32], "literal": True}, 146_754 - 2 * 192 + 4 * 224),
    ({"kind": "attention", "units": [256, 128, 64], "literal": True}, 545_282 - 2 * 384 + 4 * 448),
    ({"kind": "attention", "units": [224, 112, 56], "literal": True}, 421_842 - 2 * 336 + 4 * 392),
    ({"kind": "attention", "units": [320, 160, 80], "literal": True}, 839_778 - 2 * 480 + 4 * 560),
]


@pytest.mark.parametrize(("architecture", "count"), COUNTS, ids=lambda value: str(value))
def test_every_net_has_as_many_parameters_as_its_formula(architecture, count):
    assert models.parameters(models.build(architecture)) == count


@pytest.mark.parametrize("units", [[128, 64, 32], [256, 128, 64], [192, 96, 48], [224, 112, 56], [320, 160, 80]])
def test_our_attention_differs_from_the_literal_one_by_its_scores_alone(units):
    _, b, c = units
    literal = models.parameters(models.build({"kind": "attention", "units": units, "literal": True}))
    ours = models.parameters(models.build({"kind": "attention", "units": units}))
    assert ours - literal == (c * c + c + c) - (b + 1)  # W, its bias and v, for a dense layer of one unit


@pytest.mark.parametrize(("architecture", "count"), COUNTS[:7], ids=lambda value: str(value))
def test_a_window_gives_one_finite_number(architecture, count):
    module = models.build(architecture).eval()
    inputs = models.parse(architecture).inputs
    x = torch.randn(3, 20, inputs, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        out = module(x)
    assert out.shape == (3,) and out.dtype == torch.float32 and torch.isfinite(out).all()
    assert len(set(out.tolist())) == 3


def test_the_seed_alone_decides_how_a_net_begins():
    before = torch.get_rng_state()
    one, same, other = (models.build({"kind": "rank"}, seed).state_dict() for seed in (5, 5, 6))
    assert torch.equal(torch.get_rng_state(), before)  # nobody else's chance is moved
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["lstm.weight_hh_l0"], other["lstm.weight_hh_l0"])


@pytest.mark.parametrize("forget", [1.0, 3.0])
def test_recurrent_kernels_begin_orthogonal_and_forget_gates_open(forget):
    state = models.build({"kind": "rank", "hidden": 16, "forget_bias": forget}).state_dict()
    for layer in (0, 1):
        recurrent = state[f"lstm.weight_hh_l{layer}"]
        assert torch.allclose(recurrent.T @ recurrent, torch.eye(16), atol=1e-5)
        bias = state[f"lstm.bias_ih_l{layer}"] + state[f"lstm.bias_hh_l{layer}"]
        assert bias.tolist() == [0.0] * 16 + [forget] * 16 + [0.0] * 32
        bound = math.sqrt(6.0 / (64 + (14 if layer == 0 else 16)))  # Xavier, of all four gates
        kernel = state[f"lstm.weight_ih_l{layer}"].abs().max().item()
        assert 0.9 * bound < kernel <= bound


def test_batch_norm_has_the_originals_momentum_and_eps():
    module = models.build({"kind": "stock"})
    assert (module.first_norm.momentum, module.first_norm.eps) == (0.01, 1e-3)
    assert torch.equal(module.first_norm.running_var, torch.ones(50))


def test_a_sequence_is_normalised_per_channel_over_samples_and_steps():
    norm = models.build({"kind": "stock"}).first_norm.train()
    x = torch.randn(8, 5, 50, generator=torch.Generator().manual_seed(2)) * 3.0 + 1.0
    out = norm(x).detach()
    assert torch.allclose(out.mean((0, 1)), torch.zeros(50), atol=1e-5)
    assert torch.allclose(out.var((0, 1), correction=0), torch.ones(50), atol=1e-3)


def test_attention_sums_the_third_lstms_outputs_by_shares_that_sum_to_one():
    module = models.build({"kind": "attention", "inputs": 5, "units": [8, 6, 4]}, seed=3).eval()
    x = torch.randn(2, 7, 5, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        h = module.third(module.second_norm(module.second(module.first_norm(module.first(x)[0]))[0]))[0].numpy()
        w, b = module.score.weight.numpy(), module.score.bias.numpy()
        scores = np.tanh(h @ w.T + b) @ module.query.weight.numpy()[0]  # v . tanh(W h)
        shares = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
        pooled = (shares[..., None] * h).sum(1)
        expected = module.dense(torch.from_numpy(pooled.astype(np.float32)))
        assert torch.allclose(module(x), expected, atol=1e-6)
        assert torch.allclose(module.weights(torch.from_numpy(h)).sum(1), torch.ones(2, 1), atol=1e-6)


def test_literal_attention_multiplies_and_so_shrinks_what_the_third_lstm_sees():
    module = models.build({"kind": "attention", "inputs": 5, "units": [8, 6, 4], "literal": True}, seed=3).eval()
    x = torch.randn(2, 60, 5, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        h = module.second_norm(module.second(module.first_norm(module.first(x)[0])[:, :])[0])
        seen = module.weights(h) * h
        assert torch.allclose(module(x), module.dense(module.third(seen)[0][:, -1]), atol=1e-6)
    assert seen.abs().mean() < h.abs().mean() / 30.0  # about 1/60


WRONG = [
    ({"kind": "gru"}, "kind"),
    ({"hidden": 128}, "kind"),
    ({"kind": "rank", "hidden": 0}, "architecture.hidden"),
    ({"kind": "rank", "hidden": 10**9}, "architecture.hidden"),
    ({"kind": "rank", "hidden": "128"}, "architecture.hidden"),
    ({"kind": "rank", "hiden": 128}, "architecture.hiden"),
    ({"kind": "rank", "dropout": 1.0}, "architecture.dropout"),
    ({"kind": "rank", "dropout": float("nan")}, "architecture.dropout"),
    ({"kind": "attention", "units": [8, 4]}, "architecture.units"),
]


@pytest.mark.parametrize(("architecture", "where"), WRONG, ids=str)
def test_a_wrong_architecture_is_refused_in_one_line_that_names_the_key(architecture, where):
    with pytest.raises(ValueError) as told:
        models.build(architecture)
    assert where in str(told.value) and "\n" not in str(told.value)


def test_what_a_state_must_hold_is_known_without_making_it():
    architecture = {"kind": "stock"}
    state = models.build(architecture).state_dict()
    told = models.expected(architecture)
    assert {name: tuple(value.shape) for name, value in state.items()} == {
        name: shape for name, (shape, _) in told.items()
    }
    assert told["first_norm.num_batches_tracked"] == ((), "I64")


def test_the_penalty_is_on_kernels_and_dense_weights_and_no_bias():
    names = [name for name, _ in models.kernels(models.build({"kind": "stock"}))]
    assert names == [
        "first.weight_ih_l0",
        "first.weight_hh_l0",
        "second.weight_ih_l0",
        "second.weight_hh_l0",
        "dense.weight",
        "out.weight",
    ]
