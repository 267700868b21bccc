//! Values that were checked one by one, taken together.

use super::{Fault, Violations};

/// A tuple of checked values: all of them, or one fault with the violations of every one that is wrong, in order.
pub trait AllValid {
    type Values;

    fn all_valid(self) -> Result<Self::Values, Fault>;
}

macro_rules! all_valid {
    ($($value:ident $violations:ident),+) => {
        impl<$($value, $violations: Into<Violations>),+> AllValid for ($(Result<$value, $violations>,)+) {
            type Values = ($($value,)+);

            #[allow(non_snake_case)]
            fn all_valid(self) -> Result<Self::Values, Fault> {
                match self {
                    ($(Ok($value),)+) => Ok(($($value,)+)),
                    ($($value,)+) => {
                        let mut wrong = Vec::new();
                        $(if let Err(violations) = $value {
                            wrong.extend(violations.into().0);
                        })+
                        Err(Fault::invalid(wrong))
                    }
                }
            }
        }
    };
}

all_valid!(A E, B F);
all_valid!(A E, B F, C G);
all_valid!(A E, B F, C G, D H);
all_valid!(A E, B F, C G, D H, I J);
all_valid!(A E, B F, C G, D H, I J, K L);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Violation;

    fn wrong(field: &str) -> Violation {
        Violation::new(field, "WRONG", "错误", "is wrong")
    }

    #[test]
    fn all_values_are_returned_or_the_violations_of_all_that_are_wrong() {
        let right: (Result<_, Violation>, Result<_, Violation>) = (Ok(1), Ok("two"));
        assert_eq!(right.all_valid(), Ok((1, "two")));
        let (a, b, c): (Result<(), _>, Result<i32, Violation>, Result<(), _>) =
            (Err(vec![wrong("a.x"), wrong("a.y")]), Ok(2), Err(wrong("c")));
        let fault = (a, b, c).all_valid().unwrap_err();
        assert_eq!(
            fault,
            Fault::invalid(vec![wrong("a.x"), wrong("a.y"), wrong("c")])
        );
    }
}
