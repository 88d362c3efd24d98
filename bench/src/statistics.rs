//! Whether two samples come from one distribution.

use std::time::Duration;

/// What a test came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Comparison {
    /// By how many standard deviations the ranks differ from what chance makes likely; above zero if those of the first
    /// sample are higher.
    pub(crate) z: f64,
    /// How likely chance makes a difference as large as this one.
    pub(crate) p: f64,
}

/// The test of Mann and Whitney (1947), two-sided, by its normal approximation, which is good from about twenty samples
/// of each on. It asks about order alone: times are skewed and have outliers, which a t-test would take for noise.
pub(crate) fn mann_whitney(first: &[Duration], second: &[Duration]) -> Comparison {
    let tagged = first.iter().map(|time| (*time, true)).chain(second.iter().map(|time| (*time, false)));
    let mut all: Vec<_> = tagged.collect();
    all.sort_unstable_by_key(|(time, _)| *time);
    // Equal times share the mean of their ranks.
    let (mut rank_sum, mut before) = (0.0, 0.0);
    for ties in all.chunk_by(|(left, _), (right, _)| left == right) {
        let rank = before + f64::midpoint(1.0, count(ties.len()));
        rank_sum += rank * count(ties.iter().filter(|(_, of_first)| *of_first).count());
        before += count(ties.len());
    }
    let (n, m) = (count(first.len()), count(second.len()));
    let u = rank_sum - n * (n + 1.0) / 2.0;
    let deviation = (n * m * (n + m + 1.0) / 12.0).sqrt();
    let z = if deviation > 0.0 { (u - n * m / 2.0) / deviation } else { 0.0 };
    Comparison { z, p: 2.0 * upper_tail(z.abs()) }
}

/// How likely a normal variable is above `z`, for `z` from 0 on, to 7.5 × 10⁻⁸ (Abramowitz and Stegun, 26.2.17).
fn upper_tail(z: f64) -> f64 {
    let t = 1.0 / 0.231_641_9_f64.mul_add(z, 1.0);
    let coefficients = [1.330_274_429, -1.821_255_978, 1.781_477_937, -0.356_563_782, 0.319_381_530];
    let polynomial = coefficients.into_iter().fold(0.0, |sum: f64, coefficient| sum.mul_add(t, coefficient)) * t;
    (-z * z / 2.0).exp() / std::f64::consts::TAU.sqrt() * polynomial
}

#[expect(clippy::cast_precision_loss, reason = "samples are few")]
fn count(samples: usize) -> f64 {
    samples as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(milliseconds: impl IntoIterator<Item = u64>) -> Vec<Duration> {
        milliseconds.into_iter().map(Duration::from_millis).collect()
    }

    #[test]
    fn the_normal_distribution_is_that_of_the_tables() {
        for (z, p) in [(0.0, 0.5), (1.0, 0.158_655), (1.96, 0.024_998), (3.0, 0.001_350), (5.0, 2.866_5e-7)] {
            assert!((upper_tail(z) - p).abs() < 1e-6, "{z}");
        }
    }

    #[test]
    fn samples_of_one_distribution_do_not_differ() {
        let (even, odd) = (times((0..400).step_by(2)), times((1..400).step_by(2)));
        assert!(mann_whitney(&even, &odd).p > 0.9);
        let same = mann_whitney(&times([1; 50]), &times([1; 50]));
        assert!(same.z.abs() < 1e-9 && same.p > 0.99, "{same:?}");
    }

    #[test]
    fn a_shift_is_noticed_on_either_side_and_an_outlier_is_not() {
        let (early, late) = (times(0..200), times(60..260));
        assert!(mann_whitney(&early, &late).p < 1e-6 && mann_whitney(&early, &late).z < -5.0);
        assert!(mann_whitney(&late, &early).z > 5.0);
        let with_outlier = times((0..199).chain([1_000_000]));
        assert!(mann_whitney(&early, &with_outlier).p > 0.9);
    }

    #[test]
    fn ranks_are_those_of_a_worked_example() {
        // U = 25 of the six turns each of tortoise and hare (Wikipedia, "Mann–Whitney U test"): T H H H H H T T T T T
        // H.
        let (tortoise, hare) = (times([1, 7, 8, 9, 10, 11]), times([2, 3, 4, 5, 6, 12]));
        let expected = (25.0 - 18.0) / (36.0_f64 * 13.0 / 12.0).sqrt();
        assert!((mann_whitney(&tortoise, &hare).z - expected).abs() < 1e-9);
    }
}
