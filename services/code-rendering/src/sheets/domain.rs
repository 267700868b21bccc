//! What stands on a sheet of paper besides the QR code.

pub mod pdf;
pub mod svg;

use lutong_kernel::{Colour, Timestamp};

/// One paper code to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// The text of the QR code.
    pub token: String,
    pub colour: Colour,
    /// What is printed of the name; empty where it is not known.
    pub mask: String,
    /// The end of its validity: midnight in Shandong.
    pub expires_at: Timestamp,
}

/// What the sheet is.
pub const TITLE_ZH: &str = "山东省健康通行码";
pub const TITLE_EN: &str = "Shandong health pass code";
pub const KIND: &str = "纸质码 · Paper code";
/// What to do with it, a line each.
pub const INSTRUCTIONS: [&str; 6] = [
    "1. 进入需查验的场所时出示，与电子码同等有效。",
    "Show it where codes are checked. It is equal to the code on a screen.",
    "2. 颜色变化或作废后，本纸质码即失效，请重新打印。",
    "It ends when the colour changes. Print a new one then, or when it expires.",
    "3. 如有疑问，请拨打 12345 或到社区窗口咨询。",
    "Questions: call 12345, or ask at a community counter.",
];

impl Sheet {
    /// The colour in Chinese: `绿码（低风险）`.
    pub fn colour_zh(&self) -> String {
        format!("{}（{}）", self.colour.word_zh(), self.colour.risk_zh())
    }

    pub const fn colour_en(&self) -> &'static str {
        match self.colour {
            Colour::Green => "GREEN: low risk",
            Colour::Yellow => "YELLOW: medium risk",
            Colour::Red => "RED: high risk",
        }
    }

    /// The last day of its validity, as it is said.
    pub fn validity_zh(&self) -> String {
        let last = self.last_day();
        let mut parts = last.splitn(3, '-').map(|part| part.trim_start_matches('0'));
        let mut part = || parts.next().unwrap_or_default();
        format!("有效期至{}年{}月{}日24时", part(), part(), part())
    }

    pub fn validity_en(&self) -> String {
        format!("Valid through {}, 24:00", self.last_day())
    }

    /// `2022-12-10`: the local day that ends when the validity does.
    fn last_day(&self) -> String {
        self.expires_at.plus_micros(-1).local_day().to_string()
    }

    /// The colour for print: dark enough for white text.
    pub const fn rgb(&self) -> (u8, u8, u8) {
        match self.colour {
            Colour::Green => (0, 128, 60),
            Colour::Yellow => (190, 120, 0),
            Colour::Red => (190, 20, 30),
        }
    }

    /// The corners of the shape of the colour in a square of side 1; none for a circle.
    pub fn corners(&self) -> &'static [(f32, f32)] {
        match self.colour {
            Colour::Green => &[],
            Colour::Yellow => &[(0.5, 0.04), (1.0, 0.92), (0.0, 0.92)],
            Colour::Red => &[
                (0.29, 0.0),
                (0.71, 0.0),
                (1.0, 0.29),
                (1.0, 0.71),
                (0.71, 1.0),
                (0.29, 1.0),
                (0.0, 0.71),
                (0.0, 0.29),
            ],
        }
    }
}

#[cfg(test)]
mod tests;
