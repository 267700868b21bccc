//! Tracking numbers, which are read out over the telephone, written on paper and typed in again.

use std::fmt;

use lutong_kernel::{LocalDay, Random};

/// Crockford's base 32 without `V`, which sounds like `B` and `D` over a telephone: 31, a prime.
const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKMNPQRSTWXYZ";
/// Random characters of a number.
const RANDOM: usize = 7;

/// `SD`, the local day, seven random characters and a check character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackingNumber(String);

/// Why a text is not a tracking number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TrackingError {
    #[error("a tracking number looks like SD20221126-7K3M9QX2")]
    Shape,
    #[error("a character of the tracking number is mistyped: its check character does not match")]
    Check,
}

impl TrackingNumber {
    pub fn new(day: LocalDay, random: &dyn Random) -> Self {
        let day = day.to_string().replace('-', "");
        let mut text = format!("SD{day}-");
        let mut left = RANDOM;
        while left > 0 {
            // Bytes above the largest multiple of 31 would favour some letters.
            let [byte] = random.bytes::<1>();
            if byte < 248
                && let Some(letter) = ALPHABET.get(usize::from(byte % 31))
            {
                text.push(char::from(*letter));
                left -= 1;
            }
        }
        text.push(check_character(&text));
        Self(text)
    }

    /// Parses a number as people type it: in lower case, with `O` for 0 and `I` or `L` for 1.
    pub fn parse(typed: &str) -> Result<Self, TrackingError> {
        let text: String = typed.trim().to_ascii_uppercase();
        let (head, tail) = text.split_once('-').ok_or(TrackingError::Shape)?;
        let day = head
            .strip_prefix("SD")
            .ok_or(TrackingError::Shape)?
            .replace('O', "0")
            .replace(['I', 'L'], "1");
        let tail = tail.replace('O', "0").replace(['I', 'L'], "1");
        let good = day.len() == 8
            && day.bytes().all(|b| b.is_ascii_digit())
            && tail.len() == RANDOM + 1
            && tail.bytes().all(|b| ALPHABET.contains(&b));
        if !good {
            return Err(TrackingError::Shape);
        }
        let text = format!("SD{day}-{tail}");
        let (body, last) = text.split_at(text.len() - 1);
        if last.starts_with(check_character(body)) {
            Ok(Self(text))
        } else {
            Err(TrackingError::Check)
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The sum of (position × value) modulo 31. Positions are below 31 and differ, so that one wrong character, and the swap of two
/// neighbours, always change it.
fn check_character(body: &str) -> char {
    let values = body
        .bytes()
        .filter_map(|byte| ALPHABET.iter().position(|letter| *letter == byte));
    let sum: usize = values.enumerate().map(|(place, value)| (place + 1) * value).sum();
    // Below 31 by the modulus.
    ALPHABET.get(sum % 31).map_or('0', |letter| char::from(*letter))
}

impl fmt::Display for TrackingNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lutong_kernel::random::SeededRandom;

    fn numbers() -> Vec<String> {
        let random = SeededRandom::new(3);
        let day = LocalDay::parse("2022-11-26").unwrap();
        (0..50)
            .map(|_| TrackingNumber::new(day, &random).to_string())
            .collect()
    }

    #[test]
    fn what_is_given_is_read_back_also_in_lower_case_and_with_look_alikes() {
        for number in numbers() {
            assert_eq!(TrackingNumber::parse(&number).unwrap().as_str(), number);
            let typed = number[2..].replace('0', "o").replace('1', "l").to_lowercase();
            assert_eq!(
                TrackingNumber::parse(&format!(" sd{typed} ")).unwrap().as_str(),
                number
            );
        }
    }

    #[test]
    fn every_single_wrong_character_is_found() {
        for number in numbers() {
            for place in (2..10).chain(11..19) {
                let letters: &[u8] = if place < 10 { b"0123456789" } else { ALPHABET };
                for letter in letters {
                    let mut wrong = number.clone().into_bytes();
                    if wrong[place] != *letter {
                        wrong[place] = *letter;
                        let wrong = String::from_utf8(wrong).unwrap();
                        assert_eq!(
                            TrackingNumber::parse(&wrong),
                            Err(TrackingError::Check),
                            "{number} {wrong}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn every_swap_of_neighbours_is_found() {
        for number in numbers() {
            for place in (2..9).chain(11..18) {
                let mut wrong = number.clone().into_bytes();
                wrong.swap(place, place + 1);
                let wrong = String::from_utf8(wrong).unwrap();
                if wrong != number {
                    assert_eq!(
                        TrackingNumber::parse(&wrong),
                        Err(TrackingError::Check),
                        "{number} {wrong}"
                    );
                }
            }
        }
    }

    #[test]
    fn anything_else_is_refused_by_its_shape() {
        for bad in [
            "",
            "SD20221126",
            "SD2022112-7K3M9QX2",
            "XX20221126-7K3M9QX2",
            "SD20221126-7K3M9QX",
            "SD20221126-7K3M9QV2",
        ] {
            assert_eq!(TrackingNumber::parse(bad), Err(TrackingError::Shape), "{bad}");
        }
    }
}
