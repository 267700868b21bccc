//! A finding: the file, the check, and what to do.

/// Which check a file fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum Check {
    FileMissing,
    FileUnknown,
    PrivateKey,
    Partner,
    Pem,
    KeyKind,
    KeySize,
    SignatureAlgorithm,
    BasicConstraints,
    Usage,
    ExtendedUsage,
    Chain,
    Subject,
    TlsNames,
    NotYetValid,
    Expired,
    ValidityRange,
    KeyShared,
}

impl Check {
    /// What the partner does, in Chinese and in English.
    pub const fn advice(self) -> (&'static str, &'static str) {
        match self {
            Self::FileMissing => ("补交该文件", "hand the file over"),
            Self::FileUnknown => ("移除该文件", "take the file out"),
            Self::PrivateKey => (
                "立即移除；该私钥视为已泄露，须更换密钥",
                "take it out at once; the key counts as lost: make another",
            ),
            Self::Partner => ("按说明改正该文件", "correct it as described"),
            Self::Pem => ("以PEM格式重新导出证书", "export the certificate as PEM again"),
            Self::KeyKind => (
                "证书用P-256、P-384、Ed25519或RSA；编码与报文用Ed25519或P-256，并使用命名曲线",
                "use P-256, P-384, Ed25519 or RSA in certificates, Ed25519 or P-256 for codes and messages, and a named curve",
            ),
            Self::KeySize => ("RSA密钥至少3072位", "RSA keys have 3072 bits at least"),
            Self::SignatureAlgorithm => (
                "改用SHA-256或更强的签名算法",
                "have it signed with SHA-256 or better",
            ),
            Self::BasicConstraints => (
                "机构证书须标明CA，服务证书不得标明",
                "the authority's certificate says CA, the other does not",
            ),
            Self::Usage => (
                "服务证书：数字签名；机构证书：证书签名",
                "the certificate signs digitally, the authority's signs certificates, and neither does the other's work",
            ),
            Self::ExtendedUsage => (
                "服务证书须同时用于服务端与客户端认证",
                "the certificate is for server and client authentication",
            ),
            Self::Chain => (
                "tls.pem只含一张证书，且由ca.pem签发",
                "tls.pem has one certificate, and the authority of ca.pem issued it",
            ),
            Self::Subject => (
                "主体须有国家CN、组织和名称",
                "the subject has the country CN, an organisation and a name",
            ),
            Self::TlsNames => (
                "tls_names中的每个主机名须在证书的备用名称中",
                "every host of tls_names is an alternative name of the certificate",
            ),
            Self::NotYetValid => ("等待生效或重新签发", "wait, or have it issued anew"),
            Self::Expired => ("重新签发证书", "have it issued anew"),
            Self::ValidityRange => (
                "服务证书最长两年且剩余不少于30天；机构证书最长四年",
                "the certificate lives two years at the most and has thirty days left; the authority's lives four",
            ),
            Self::KeyShared => ("每个用途各用一个密钥", "use a key for one thing"),
        }
    }
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub file: String,
    pub check: Check,
    pub reason: String,
}

impl Finding {
    pub fn new(file: impl Into<String>, check: Check, reason: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            check,
            reason: reason.into(),
        }
    }
}
