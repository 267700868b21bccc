//! Numbers for everybody: counts by division from which no small count can be computed, and times within which a share of cases was done.
//!
//! The count of a city is that of its own desk and of its counties, and the count of the province that of its desk and its cities.
//! Leaving out the counts of 1 to 4 is therefore not enough: the only one that is left out follows from the sum, and two of one each follow
//! from a sum of two. More are left out until everybody who knows all that is published, and that what is left out is at least 1, is
//! left with more than [`SMALL`] possible values for each of them. That a count is 0 is published: it says nothing about anybody. What the
//! choice of those that are left out may say to whoever knows how it is made is not counted.

use std::collections::{BTreeMap, BTreeSet};

use lutong_kernel::DivisionCode;

use super::handling::superior;

/// Counts below this, and above 0, are not published.
pub const SMALL: u64 = 5;

/// A place in the tree: a division, or the own desk of a division that has others in it.
#[derive(Debug, Default)]
struct Node {
    /// With everything in it.
    count: u64,
    is_hidden: bool,
    /// Where in the tree its parts are.
    parts: Vec<usize>,
}

/// Counts as a tree. The parts of a node come before it.
#[derive(Debug, Default)]
struct Tree {
    nodes: Vec<Node>,
    divisions: BTreeMap<DivisionCode, usize>,
}

/// What is published of counts of one kind, given for each desk by its division: the counts of those divisions and of the ones above them,
/// each with everything in it. `None`: not published.
pub fn publishable(of_desks: &BTreeMap<DivisionCode, u64>) -> BTreeMap<DivisionCode, Option<u64>> {
    let mut tree = Tree::of(of_desks);
    for at in 0..tree.nodes.len() {
        tree.protect(at);
    }
    let shown = |at: &usize| tree.nodes.get(*at).filter(|node| !node.is_hidden);
    let found = tree.divisions.iter();
    found
        .map(|(division, at)| (*division, shown(at).map(|node| node.count)))
        .collect()
}

/// The divisions of desks, and the ones above them.
pub fn with_superiors(desks: impl IntoIterator<Item = DivisionCode>) -> BTreeSet<DivisionCode> {
    let mut all = BTreeSet::new();
    for desk in desks {
        all.extend(std::iter::successors(Some(desk), |below| superior(*below)));
    }
    all
}

/// How far down the tree a division lies: its parts lie deeper.
fn depth(division: DivisionCode) -> usize {
    std::iter::successors(superior(division), |below| superior(*below)).count()
}

impl Tree {
    fn of(of_desks: &BTreeMap<DivisionCode, u64>) -> Self {
        let mut tree = Self::default();
        let mut divisions: Vec<_> = with_superiors(of_desks.keys().copied()).into_iter().collect();
        divisions.sort_by_key(|division| std::cmp::Reverse(depth(*division)));
        let mut parts: BTreeMap<DivisionCode, Vec<usize>> = BTreeMap::new();
        for division in divisions {
            let own = of_desks.get(&division).copied().unwrap_or_default();
            let mut inside = parts.remove(&division).unwrap_or_default();
            if !inside.is_empty() && own > 0 {
                inside.push(tree.push(own, Vec::new()));
            }
            let at = tree.push(own, inside);
            tree.divisions.insert(division, at);
            if let Some(above) = superior(division) {
                parts.entry(above).or_default().push(at);
            }
        }
        tree
    }

    /// Adds a node: of the count of its parts, or of its own where it has none.
    fn push(&mut self, own: u64, parts: Vec<usize>) -> usize {
        let inside = parts.iter().filter_map(|part| self.nodes.get(*part));
        let inside: u64 = inside.map(|part| part.count).sum();
        self.nodes.push(Node {
            count: if parts.is_empty() { own } else { inside },
            is_hidden: false,
            parts,
        });
        self.nodes.len() - 1
    }

    fn is_hidden(&self, at: usize) -> bool {
        self.nodes.get(at).is_some_and(|node| node.is_hidden)
    }

    fn hidden_parts(&self, at: usize) -> Vec<usize> {
        let parts = self.nodes.get(at).map(|node| node.parts.clone());
        let parts = parts.unwrap_or_default().into_iter();
        parts.filter(|part| self.is_hidden(*part)).collect()
    }

    /// By how much less than it is the count of a hidden node may be, for all that is published: a desk has at least 1.
    fn slack(&self, at: usize) -> u64 {
        let Some(node) = self.nodes.get(at).filter(|node| node.is_hidden) else {
            return 0;
        };
        if node.parts.is_empty() {
            return node.count.saturating_sub(1);
        }
        let hidden = self.hidden_parts(at).into_iter();
        hidden.map(|part| self.slack(part)).sum()
    }

    /// Hides a node if it is small, or if its count would say too much about its parts, which are protected.
    fn protect(&mut self, at: usize) {
        let count = self.nodes.get(at).map_or(0, |node| node.count);
        let is_small = 0 < count && count < SMALL;
        if is_small || !self.hide_enough_parts(at) {
            self.hide(at);
        }
    }

    /// Hides parts of a node until its count says too little about those that are hidden. `false`: that cannot be done.
    fn hide_enough_parts(&mut self, at: usize) -> bool {
        loop {
            let hidden = self.hidden_parts(at);
            let slack: u64 = hidden.iter().map(|part| self.slack(*part)).sum();
            if hidden.is_empty() || (hidden.len() > 1 && slack >= SMALL) {
                return true;
            }
            if !self.hide_smallest_part(at) {
                return false;
            }
        }
    }

    /// Hides the smallest part that is shown and not 0, if there is one.
    fn hide_smallest_part(&mut self, at: usize) -> bool {
        let parts = self.nodes.get(at).map(|node| node.parts.clone());
        let shown = parts.unwrap_or_default().into_iter().filter_map(|part| {
            let node = self.nodes.get(part)?;
            (!node.is_hidden && node.count > 0).then_some((node.count, part))
        });
        let Some((_, smallest)) = shown.min() else {
            return false;
        };
        self.hide(smallest);
        true
    }

    /// Hides a node, and enough of its parts that it is not their sum.
    fn hide(&mut self, at: usize) {
        if let Some(node) = self.nodes.get_mut(at) {
            node.is_hidden = true;
        }
        if self.hidden_parts(at).is_empty() {
            self.hide_smallest_part(at);
        }
    }
}

/// The least time within which `percent` of a hundred were done: `times` has how many took how long. `None` of fewer than [`SMALL`].
pub fn percentile(times: &BTreeMap<u64, u64>, percent: u64) -> Option<u64> {
    let count: u64 = times.values().sum();
    if count < SMALL {
        return None;
    }
    let mut done = 0;
    let reached = times.iter().find(|(_, many)| {
        done += **many;
        done * 100 >= count * percent
    });
    reached.map(|(time, _)| *time)
}

#[cfg(test)]
mod tests;
