//! Contenders take turns: A B C, A B C, and so on. A figure is the median of its rounds, a ratio the median of the
//! rounds' own ratios.

/// How much is measured.
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) quick: bool,
}

impl Plan {
    /// What a reader of the figures has to know.
    pub(crate) fn medians(&self) -> String {
        format!("Medians of {} interleaved rounds.", self.rounds)
    }

    /// So many, or a tenth where it has to be quick.
    pub(crate) fn count(&self, full: usize) -> usize {
        if self.quick { full.div_ceil(10) } else { full }
    }
}

/// One line of a table in the making: `N` figures a round.
pub(crate) struct Contender<'a, const N: usize> {
    name: String,
    measure: Box<dyn FnMut() -> [f64; N] + 'a>,
}

impl<'a, const N: usize> Contender<'a, N> {
    pub(crate) fn new(name: impl Into<String>, measure: impl FnMut() -> [f64; N] + 'a) -> Self {
        Self { name: name.into(), measure: Box::new(measure) }
    }
}

/// What the rounds gave for one contender.
pub(crate) struct Figures<const N: usize> {
    pub(crate) name: String,
    rounds: Vec<[f64; N]>,
}

/// Lets the contenders take turns. A first round opens connections and fills caches, and does not count.
pub(crate) fn interleave<const N: usize>(plan: &Plan, contenders: Vec<Contender<'_, N>>) -> Vec<Figures<N>> {
    let mut contenders = contenders;
    let mut figures: Vec<_> = contenders
        .iter()
        .map(|contender| Figures { name: contender.name.clone(), rounds: Vec::new() })
        .collect();
    for round in 0..=plan.rounds {
        for (contender, figures) in contenders.iter_mut().zip(&mut figures) {
            let measured = (contender.measure)();
            if round > 0 {
                figures.rounds.push(measured);
            }
        }
    }
    figures
}

impl<const N: usize> Figures<N> {
    pub(crate) fn median(&self, column: usize) -> f64 {
        median(self.column(column).collect())
    }

    /// What the rounds gave, in order.
    pub(crate) fn column(&self, column: usize) -> impl Iterator<Item = f64> + '_ {
        self.rounds.iter().map(move |round| round[column])
    }

    /// What one round gave.
    pub(crate) fn at(&self, round: usize, column: usize) -> f64 {
        self.rounds[round][column]
    }

    /// How many times another column of the same rounds, of this contender or another.
    pub(crate) fn ratio<const M: usize>(&self, column: usize, to: &Figures<M>, of: usize) -> f64 {
        self.ratio_in(0..self.rounds.len(), column, to, of)
    }

    /// The same, of some of the rounds.
    pub(crate) fn ratio_in<const M: usize>(
        &self,
        rounds: impl IntoIterator<Item = usize>,
        column: usize,
        to: &Figures<M>,
        of: usize,
    ) -> f64 {
        median(rounds.into_iter().map(|round| self.at(round, column) / to.at(round, of)).collect())
    }
}

/// The contender of that name.
pub(crate) fn named<'a, const N: usize>(figures: &'a [Figures<N>], name: &str) -> &'a Figures<N> {
    figures.iter().find(|figures| figures.name == name).unwrap_or_else(|| panic!("no contender `{name}`"))
}

/// The middle one, or the mean of the two in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let (low, high) = ((values.len() - 1) / 2, values.len() / 2);
    f64::midpoint(values[low], values[high])
}

/// The value below which so great a part of all lies.
pub(crate) fn percentile(values: &mut [u64], part: f64) -> f64 {
    let at = ((values.len() as f64 * part) as usize).min(values.len() - 1);
    *values.select_nth_unstable(at).1 as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(vec![7.0]), 7.0);
    }

    #[test]
    fn a_percentile_has_so_many_below_it() {
        let mut values: Vec<u64> = (0..1000).rev().collect();
        assert_eq!(percentile(&mut values, 0.5), 500.0);
        assert_eq!(percentile(&mut values, 0.999), 999.0);
        assert_eq!(percentile(&mut [5], 0.99), 5.0);
    }

    #[test]
    fn the_first_round_does_not_count_and_ratios_are_of_one_round() {
        let plan = Plan { rounds: 3, quick: true };
        let (mut slow, mut fast) =
            (vec![9.0, 2.0, 20.0, 8.0].into_iter(), vec![9.0, 1.0, 10.0, 2.0].into_iter());
        let figures = interleave(
            &plan,
            vec![
                Contender::new("slow", || [slow.next().unwrap()]),
                Contender::new("fast", || [fast.next().unwrap()]),
            ],
        );
        assert_eq!(named(&figures, "slow").median(0), 8.0);
        assert_eq!(named(&figures, "slow").ratio(0, named(&figures, "fast"), 0), 2.0);
    }
}
