use proptest::prelude::*;

use super::*;

/// Greater than every count that is tried: nobody rules out what is greater.
const MOST: u64 = 150;

fn code(number: u32) -> DivisionCode {
    DivisionCode::from_number(number).unwrap()
}

fn counts(of_desks: &[(u32, u64)]) -> BTreeMap<DivisionCode, u64> {
    of_desks
        .iter()
        .map(|(desk, count)| (code(*desk), *count))
        .collect()
}

fn published(of_desks: &[(u32, u64)]) -> Vec<(u32, Option<u64>)> {
    let found = publishable(&counts(of_desks)).into_iter();
    found
        .map(|(division, count)| (division.number(), count))
        .collect()
}

#[test]
fn what_is_not_small_is_published_with_its_sums() {
    assert_eq!(
        published(&[(370_202, 5), (370_203, 7), (370_102, 0), (370_000, 9)]),
        [
            (370_000, Some(21)),
            (370_100, Some(0)),
            (370_102, Some(0)),
            (370_200, Some(12)),
            (370_202, Some(5)),
            (370_203, Some(7)),
        ]
    );
    assert!(published(&[]).is_empty());
}

#[test]
fn a_small_count_is_not_published_nor_the_one_from_which_it_follows() {
    // Without the smaller of the others, 3 would be 60 - 20 - 37.
    assert_eq!(
        published(&[(370_202, 3), (370_203, 20), (370_211, 37)]),
        [
            (370_000, Some(60)),
            (370_200, Some(60)),
            (370_202, None),
            (370_203, None),
            (370_211, Some(37)),
        ]
    );
}

#[test]
fn the_desk_of_a_city_follows_from_its_sum_and_its_counties() {
    assert_eq!(
        published(&[(370_200, 3), (370_202, 20), (370_203, 37)]),
        [
            (370_000, Some(60)),
            (370_200, Some(60)),
            (370_202, None),
            (370_203, Some(37)),
        ]
    );
}

#[test]
fn a_sum_that_says_too_much_about_few_is_not_published() {
    // Of a sum of 6, two that are at least 1 are 1 to 5: one of the others in the province goes with them.
    assert_eq!(
        published(&[(370_202, 3), (370_203, 3), (370_102, 40), (370_302, 50)]),
        [
            (370_000, Some(96)),
            (370_100, None),
            (370_102, None),
            (370_200, None),
            (370_202, None),
            (370_203, None),
            (370_300, Some(50)),
            (370_302, Some(50)),
        ]
    );
}

#[test]
fn a_count_alone_in_its_city_is_no_more_than_its_city() {
    assert_eq!(
        published(&[(370_202, 2), (370_102, 40)]),
        [
            (370_000, Some(42)),
            (370_100, None),
            (370_102, None),
            (370_200, None),
            (370_202, None),
        ]
    );
    assert!(
        published(&[(370_202, 2)])
            .iter()
            .all(|(_, count)| count.is_none())
    );
}

/// Whoever computes what is not published from what is: which values each place in the tree may have. The tree has no circle, so that
/// two passes over it leave exactly those that fit together.
struct Attacker<'a> {
    tree: &'a Tree,
    possible: Vec<BTreeSet<u64>>,
}

fn sums(one: &BTreeSet<u64>, other: &BTreeSet<u64>) -> BTreeSet<u64> {
    let all = one.iter().flat_map(|a| other.iter().map(move |b| a + b));
    all.filter(|sum| *sum <= MOST).collect()
}

impl<'a> Attacker<'a> {
    /// Knows each count that is shown, also that of the own desk of a city, and that each other is at least 1.
    fn new(tree: &'a Tree) -> Self {
        let mut attacker = Self {
            tree,
            possible: Vec::new(),
        };
        for node in &tree.nodes {
            let known = if node.is_hidden {
                (1..=MOST).collect()
            } else {
                BTreeSet::from([node.count])
            };
            let possible = if node.parts.is_empty() {
                known
            } else {
                let sum = attacker.sum_of(node.parts.iter().copied());
                sum.intersection(&known).copied().collect()
            };
            attacker.possible.push(possible);
        }
        for (at, node) in tree.nodes.iter().enumerate().rev() {
            let before: Vec<_> = node
                .parts
                .iter()
                .map(|part| attacker.possible[*part].clone())
                .collect();
            for part in &node.parts {
                let others = node.parts.iter().copied().filter(|other| other != part);
                let others = sum_of(
                    others.map(|other| &before[node.parts.iter().position(|one| *one == other).unwrap()]),
                );
                let whole = attacker.possible[at].clone();
                attacker.possible[*part]
                    .retain(|value| others.iter().any(|rest| whole.contains(&(value + rest))));
            }
        }
        attacker
    }

    fn sum_of(&self, parts: impl Iterator<Item = usize>) -> BTreeSet<u64> {
        sum_of(parts.map(|part| &self.possible[part]))
    }

    fn of(&self, division: DivisionCode) -> &BTreeSet<u64> {
        &self.possible[self.tree.divisions[&division]]
    }
}

fn sum_of<'a>(sets: impl Iterator<Item = &'a BTreeSet<u64>>) -> BTreeSet<u64> {
    sets.fold(BTreeSet::from([0]), |sum, set| sums(&sum, set))
}

fn protected(of_desks: &BTreeMap<DivisionCode, u64>) -> Tree {
    let mut tree = Tree::of(of_desks);
    for at in 0..tree.nodes.len() {
        tree.protect(at);
    }
    tree
}

/// The attacker is worth being afraid of: it computes the only count that is left out, and two of 1 each.
#[test]
fn what_is_left_out_without_its_complement_is_computed() {
    for (of_desks, hidden) in [
        (&[(370_202, 3), (370_203, 20)][..], &[370_202][..]),
        (&[(370_202, 1), (370_203, 1), (370_211, 20)], &[370_202, 370_203]),
    ] {
        let mut tree = Tree::of(&counts(of_desks));
        for division in hidden {
            let at = tree.divisions[&code(*division)];
            tree.nodes[at].is_hidden = true;
        }
        let attacker = Attacker::new(&tree);
        for division in hidden {
            assert_eq!(attacker.of(code(*division)).len(), 1, "{division}");
        }
    }
}

fn some_counts() -> impl Strategy<Value = BTreeMap<DivisionCode, u64>> {
    // Up to three cities with up to four counties, each with a desk of its own, and the desk of the province.
    let city = |city: u32| {
        let counties = prop::collection::btree_map(1_u32..5, 0_u64..9, 0..5);
        let own = prop::option::weighted(0.4, 0_u64..9);
        (counties, own).prop_map(move |(counties, own)| {
            let counties = counties.into_iter().map(|(county, count)| (city + county, count));
            counties.chain(own.map(|own| (city, own))).collect::<Vec<_>>()
        })
    };
    let own = prop::option::weighted(0.4, 0_u64..9);
    (city(370_100), city(370_200), city(370_300), own).prop_map(|(one, two, three, own)| {
        let own = own.map(|own| (370_000, own));
        let all = one.into_iter().chain(two).chain(three).chain(own);
        all.map(|(desk, count)| (code(desk), count)).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nobody_computes_what_is_not_published(of_desks in some_counts()) {
        let tree = protected(&of_desks);
        let attacker = Attacker::new(&tree);
        for (division, at) in &tree.divisions {
            let node = &tree.nodes[*at];
            let possible = attacker.of(*division);
            prop_assert!(possible.contains(&node.count), "{division}");
            if node.is_hidden {
                prop_assert!(possible.len() as u64 > SMALL, "{division} is one of {possible:?}");
            }
        }
        // Neither what the desk of a city has, which is never published itself.
        for (node, possible) in tree.nodes.iter().zip(&attacker.possible) {
            let is_small = 0 < node.count && node.count < SMALL;
            prop_assert!(!is_small || possible.len() as u64 > SMALL);
        }
    }

    #[test]
    fn what_is_published_is_true_and_never_small(of_desks in some_counts()) {
        for (division, count) in publishable(&of_desks) {
            let inside = of_desks.iter().filter(|(desk, _)| division.contains(**desk));
            let whole: u64 = inside.map(|(_, count)| count).sum();
            prop_assert!(count.is_none_or(|count| count == whole));
            prop_assert!(count.is_none_or(|count| count == 0 || count >= SMALL));
            prop_assert!(count.is_some() || whole > 0, "that there is none is said: {division}");
        }
    }

    #[test]
    fn where_nothing_is_small_everything_is_published(of_desks in some_counts()) {
        let of_desks = of_desks.into_iter().map(|(desk, count)| (desk, count * SMALL)).collect();
        prop_assert!(publishable(&of_desks).values().all(Option::is_some));
    }
}

#[test]
fn a_percentile_is_the_time_within_which_so_many_were_done() {
    let times = |times: &[(u64, u64)]| times.iter().copied().collect::<BTreeMap<_, _>>();
    let ten = times(&[(1, 3), (2, 2), (8, 4), (100, 1)]);
    for (percent, time) in [
        (1, 1),
        (30, 1),
        (31, 2),
        (50, 2),
        (51, 8),
        (90, 8),
        (91, 100),
        (100, 100),
    ] {
        assert_eq!(percentile(&ten, percent), Some(time), "{percent}");
    }
    assert_eq!(percentile(&times(&[(7, 5)]), 90), Some(7));
    assert_eq!(percentile(&times(&[(7, 4)]), 90), None, "too few");
    assert_eq!(percentile(&times(&[]), 50), None);
}
