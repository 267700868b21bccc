//! Whether two systems write the same name. A mismatch is neither a colour nor a refusal: somebody has to look.

use unicode_normalization::UnicodeNormalization as _;

/// Longer than any name; what is longer is no name.
const MAX_BYTES: usize = 1_600;

/// Whether two texts name the same person: full and half width, blanks, the variants of the middle dot, and of Latin names case and order make
/// no difference. A masked character, and one that the other system had to write in the private use area, matches any one character; a name
/// of which nothing else is legible matches nothing.
pub fn is_same_name(ours: &str, theirs: &str) -> bool {
    if ours.len() > MAX_BYTES || theirs.len() > MAX_BYTES {
        return false;
    }
    let (ours, theirs) = (Name::read(ours), Name::read(theirs));
    let is_legible = |name: &Name| name.0.iter().flatten().any(|c| !is_open(*c));
    is_legible(&ours)
        && is_legible(&theirs)
        && (ours.equals(&theirs) || ours.sorted().equals(&theirs.sorted()))
}

/// The words of a Latin name, or one word of every other.
struct Name(Vec<Vec<char>>);

impl Name {
    fn read(text: &str) -> Self {
        // NFKC folds full width and compatibility forms; upper case after it folds the rest.
        let text: String = text.nfkc().flat_map(char::to_uppercase).collect();
        let is_latin = text.chars().any(|c| c.is_ascii_alphabetic()) && text.chars().all(|c| !is_cjk(c));
        if is_latin {
            let words = text.split(|c: char| !c.is_alphabetic() && !is_open(c));
            let words = words.map(|word| word.chars().collect::<Vec<_>>());
            return Self(words.filter(|word| !word.is_empty()).collect());
        }
        let word = text.chars().filter(|c| !c.is_whitespace());
        let word = word.map(|c| if is_dot(c) { '·' } else { c });
        Self(vec![word.collect()])
    }

    fn sorted(&self) -> Self {
        let mut words = self.0.clone();
        words.sort();
        Self(words)
    }

    fn equals(&self, other: &Self) -> bool {
        let same = |a: &char, b: &char| a == b || is_open(*a) || is_open(*b);
        let is_word =
            |a: &Vec<char>, b: &Vec<char>| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b));
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(a, b)| is_word(a, b))
    }
}

/// What stands for a character that is not shown or not encoded there.
const fn is_open(c: char) -> bool {
    matches!(c, '*' | '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFD}')
}

/// The characters that systems write for the middle dot, after NFKC.
const fn is_dot(c: char) -> bool {
    matches!(
        c,
        '·' | '.' | '\u{2022}' | '\u{2027}' | '\u{22C5}' | '\u{30FB}' | '\u{FF0E}' | '\u{FF65}'
    )
}

const fn is_cjk(c: char) -> bool {
    matches!(c, '\u{2E80}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{323AF}')
}
