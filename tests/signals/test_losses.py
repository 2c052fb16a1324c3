"""The rank loss to seven digits, in sigma units, and the dates it leaves out."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from signals import losses, models  # noqa: E402
from signals.losses import RankSettings  # noqa: E402

LITERAL = RankSettings(literal=True)


def double(*values):
    return torch.tensor(values, dtype=torch.float64)


def test_soft_ranks_of_three_numbers():
    ranks = losses.soft_rank(double(0.1, 0.4, 0.2), 0.05)
    assert ranks.tolist() == pytest.approx([0.6216755, 2.4795412, 1.3987833], abs=5e-8)
    assert float(ranks.sum()) == pytest.approx(4.5, abs=1e-12)  # N^2 / 2


def test_the_literal_rank_loss_and_its_gradient():
    predicted = double(0.1, 0.4, 0.2, 0.3).requires_grad_()
    target = double(0.02, 0.01, -0.01, 0.03)
    rank, huber = losses.date_terms(predicted, target, LITERAL)
    assert rank.item() / -0.7 + 1.0 == pytest.approx(0.0913257, abs=5e-8)
    assert huber.item() / 0.3 == pytest.approx(0.010625, abs=1e-12)
    assert (rank + huber).item() == pytest.approx(0.6392595, abs=5e-8)
    (rank + huber).backward()
    assert predicted.grad.tolist() == pytest.approx([-0.7320572, 0.4575536, 1.7764390, -1.4869353], abs=5e-7)


def test_in_sigma_units_predictions_and_targets_shrink_alike_and_delta_with_them():
    predicted, target = double(0.01, 0.04, 0.02, 0.03, -0.01), double(0.02, 0.01, -0.01, 0.03, 0.0)
    sigma = 0.02
    ours = losses.date_terms(predicted, target, RankSettings(sigma=sigma))
    by_hand = losses.date_terms(predicted / sigma, target / sigma, RankSettings(delta=0.05 / sigma, literal=True))
    assert [float(term) for term in ours] == pytest.approx([float(term) for term in by_hand], abs=1e-15)


def test_soft_ranks_of_raw_returns_are_linear_and_those_in_sigma_units_rank():
    x = torch.randn(189, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    hard = x.argsort().argsort().double()
    raw, scaled = losses.soft_rank(0.015 * x, 0.05), losses.soft_rank(x, 0.05)
    assert float(losses.correlation(raw, x)) > 0.9995  # a Pearson correlation by another name
    assert float(losses.correlation(raw, hard)) < 0.99
    assert float(losses.correlation(scaled, hard)) > 0.999


def batch():
    """Two dates of six names."""
    chance = torch.Generator().manual_seed(1)
    predicted, target = (torch.randn(12, generator=chance, dtype=torch.float64) for _ in range(2))
    return predicted.requires_grad_(), target, torch.tensor([3] * 6 + [9] * 6)


def test_a_batch_is_the_mean_of_its_dates_and_dates_do_not_mix():
    predicted, target, dates = batch()
    alone = [
        sum(losses.date_terms(predicted[rows], target[rows], RankSettings())) for rows in (slice(0, 6), slice(6, 12))
    ]
    whole = losses.rank_loss(predicted, target, dates, RankSettings())
    assert whole.total.item() == pytest.approx(sum(alone).item() / 2.0, abs=1e-15)
    assert (whole.used, whole.skipped) == (2, 0)
    shuffled = torch.randperm(12, generator=torch.Generator().manual_seed(2))
    again = losses.rank_loss(predicted[shuffled], target[shuffled], dates[shuffled], RankSettings())
    assert again.total.item() == pytest.approx(whole.total.item(), abs=1e-14)


@pytest.mark.parametrize("spoil", ["few", "target", "prediction"])
def test_a_date_of_few_names_or_without_variation_is_skipped(spoil):
    predicted, target, dates = batch()
    if spoil == "few":
        dates = torch.tensor([3] * 6 + [9] * 4 + [10] * 2)
    with torch.no_grad():
        if spoil == "target":
            target[6:] = 0.01
        if spoil == "prediction":
            predicted[6:] = 0.5
    found = losses.rank_loss(predicted, target, dates, RankSettings())
    assert (found.used, found.skipped) == (1, 2 if spoil == "few" else 1)
    found.total.backward()
    assert torch.isfinite(predicted.grad).all() and not predicted.grad[6:].any() and predicted.grad[:6].all()


def test_a_batch_without_a_usable_date_costs_nothing_and_moves_nothing():
    predicted, target, dates = batch()
    found = losses.rank_loss(predicted, torch.zeros_like(target), dates, RankSettings())
    found.total.backward()
    assert found.total.item() == 0.0 and found.used == 0 and not predicted.grad.any()


def test_ties_and_nearly_constant_predictions_have_finite_gradients():
    predicted = double(0.1, 0.1, 0.1, 0.1, 0.1 + 1e-15).requires_grad_()
    rank, huber = losses.date_terms(predicted, double(0.0, 0.01, 0.01, -0.02, 0.0), RankSettings(sigma=0.02))
    (rank + huber).backward()
    assert torch.isfinite(predicted.grad).all()


def test_the_gradients_of_the_loss_are_those_of_finite_differences():
    predicted, target, dates = batch()
    assert torch.autograd.gradcheck(
        lambda p: losses.rank_loss(p, target, dates, RankSettings(tau=0.5)).total, predicted
    )


def test_gradient_norms_tell_how_much_each_term_pulls():
    predicted = double(0.1, 0.4, 0.2, 0.3).requires_grad_()
    rank, huber = losses.date_terms(predicted, double(0.02, 0.01, -0.01, 0.03), LITERAL)
    norms = losses.gradient_norms({"rank": rank, "huber": huber}, predicted)
    # every error is beyond delta: .3 x .05 / 4 each
    assert norms["huber"] == pytest.approx(2.0 * 0.3 * 0.05 / 4.0, abs=1e-12)
    assert norms["rank"] == pytest.approx(float(torch.autograd.grad(rank, predicted)[0].norm()), rel=1e-12)


def test_literal_rank_gradients_drown_hubers_and_those_in_sigma_units_do_not():
    chance = torch.Generator().manual_seed(3)
    f, y = (0.015 * torch.randn(100, generator=chance, dtype=torch.float64) for _ in range(2))
    f.requires_grad_()
    shares = []
    for settings in (LITERAL, RankSettings(sigma=0.015)):
        rank, huber = losses.date_terms(f, y, settings)
        norms = losses.gradient_norms({"rank": rank, "huber": huber}, f)
        shares.append(norms["rank"] / norms["huber"])
    assert shares[0] > 50.0 * shares[1]


def test_cross_entropy_of_a_coin_is_ln_2():
    assert float(losses.direction_loss(double(0.0, 0.0), double(1.0, 0.0))) == pytest.approx(
        0.6931471805599453, abs=1e-12
    )


def test_huber_is_quadratic_within_delta_and_linear_beyond():
    assert float(losses.huber_loss(double(0.5), double(0.0))) == 0.125
    assert float(losses.huber_loss(double(3.0), double(0.0))) == 2.5


def test_the_penalty_is_lambda_times_the_squares_of_kernels():
    module = models.build({"kind": "stock", "lstm_units": 4, "dense_units": 3})
    by_hand = 0.01 * sum(float((kernel.detach() ** 2).sum()) for _, kernel in models.kernels(module))
    assert losses.penalty(module, 0.01).item() == pytest.approx(by_hand, rel=1e-5)


def test_the_originals_penalty_starts_near_two_against_a_data_loss_near_a_hundredth():
    assert 1.9 < losses.penalty(models.build({"kind": "stock"}), 0.01).item() < 2.5


@pytest.mark.parametrize(
    "wrong", [{"sigma": 0.0}, {"sigma": float("nan")}, {"tau": -1.0}, {"delta": 0.0}, {"rank_weight": 1.5}]
)
def test_settings_that_make_no_loss_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        RankSettings(**wrong)
