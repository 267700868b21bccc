//! The channels through which people sign in.

use std::fmt;

use strum::VariantArray as _;

/// How the bearer of a session was recognised.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, strum::EnumString, strum::IntoStaticStr, strum::VariantArray,
)]
#[strum(serialize_all = "kebab-case", const_into_str)]
pub enum Channel {
    /// By saying a name: the development identity provider, on loopback only.
    #[strum(serialize = "dev")]
    Development,
    /// 健康山东服务号, the WeChat service account.
    #[strum(serialize = "wechat")]
    WeChat,
    /// The WeChat mini-program of the same.
    #[strum(serialize = "wechat-mini")]
    WeChatMini,
    /// 支付宝 山东健康通行卡.
    Alipay,
    /// 爱山东.
    #[strum(serialize = "aishandong")]
    AiShandong,
    /// No person: a device of a checkpoint, by its credential.
    Device,
}

impl Channel {
    pub const ALL: &[Self] = Self::VARIANTS;

    /// Those through which people sign in to accounts of a provider.
    pub const OF_PEOPLE: [Self; 4] = [Self::WeChat, Self::WeChatMini, Self::Alipay, Self::AiShandong];

    /// For people, Chinese and English.
    pub const fn title(self) -> (&'static str, &'static str) {
        match self {
            Self::Development => ("开发环境", "Development"),
            Self::WeChat => ("微信", "WeChat"),
            Self::WeChatMini => ("微信小程序", "WeChat mini-program"),
            Self::Alipay => ("支付宝", "Alipay"),
            Self::AiShandong => ("爱山东", "Ai Shandong"),
            Self::Device => ("卡口设备", "Checkpoint device"),
        }
    }

    /// What the ids of its accounts begin with: `wechat:`. Accounts of the development provider and of operators have names of their
    /// own choice, which never begin like this.
    pub fn account_prefix(self) -> String {
        format!("{self}:")
    }

    /// The channel that an account belongs to; none for a name of somebody's own choice.
    pub fn of_account(account: &str) -> Option<Self> {
        let (first, _) = account.split_once(':')?;
        first.parse().ok().filter(|channel| *channel != Self::Development)
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.into_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_read_back_by_its_name() {
        for channel in Channel::ALL.iter().copied() {
            assert_eq!(channel.to_string().parse(), Ok(channel));
        }
        let names: Vec<_> = Channel::ALL.iter().map(ToString::to_string).collect();
        assert_eq!(
            names,
            ["dev", "wechat", "wechat-mini", "alipay", "aishandong", "device"]
        );
    }

    #[test]
    fn an_account_says_its_channel_and_a_chosen_name_none() {
        for channel in &Channel::ALL[1..] {
            let account = format!("{}0123", channel.account_prefix());
            assert_eq!(Channel::of_account(&account), Some(*channel));
        }
        for chosen in ["wechat", "officer-1", "dev:1", "wx:o6_bmj", "", ":", "WeChat:1"] {
            assert_eq!(Channel::of_account(chosen), None, "{chosen}");
        }
    }

    #[test]
    fn every_channel_has_a_title_of_its_own() {
        let titles: std::collections::BTreeSet<_> =
            Channel::ALL.iter().map(|channel| channel.title()).collect();
        assert_eq!(titles.len(), Channel::ALL.len());
    }
}
