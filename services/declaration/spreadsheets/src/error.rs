//! Why a file is refused as a whole.

/// Why a file is refused as a whole. No variant repeats what the file says: it may be personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    #[error("the file has more than 64 MiB")]
    TooLarge,
    #[error(
        "an Excel file of the old format (.xls) or an encrypted one: save it as .xlsx without a password"
    )]
    OldOrEncryptedExcel,
    #[error("a binary Excel file (.xlsb): save it as .xlsx")]
    BinaryExcel,
    #[error("an OpenDocument file (.ods): save it as .xlsx")]
    OpenDocument,
    #[error("neither a CSV text nor an XLSX file")]
    Unknown,
    #[error("the file contains macros: save it as .xlsx without them")]
    Macros,
    #[error("the archive is encrypted")]
    Encrypted,
    #[error("the archive contains another archive")]
    NestedArchive,
    #[error("the archive has an entry whose name leads out of it")]
    EntryName,
    #[error("the archive has more than 200 entries")]
    TooManyEntries,
    #[error("the archive inflates to more than 64 MiB")]
    InflatesTooMuch,
    #[error("an entry of the archive inflates to more than 200 times its size")]
    InflatesTooFast,
    #[error("the file is damaged")]
    Damaged,
    #[error("the text is neither UTF-8 nor GB18030")]
    Encoding,
    #[error("the file has no rows")]
    Empty,
    #[error("the file has more than 200,000 rows")]
    TooManyRows,
    #[error("the file has more than 64 columns")]
    TooManyColumns,
    #[error("the cells have more than 64 MiB of text together")]
    TooMuchText,
    #[error("column {0} of the header is unknown")]
    ColumnUnknown(usize),
    #[error("column {0} of the header is there twice")]
    ColumnTwice(usize),
    #[error("the header has no column {0}")]
    ColumnMissing(&'static str),
}

impl FileError {
    /// The stable code of the reason, `UPPER_SNAKE`.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::TooLarge => "FILE_TOO_LARGE",
            Self::OldOrEncryptedExcel => "FILE_OLD_OR_ENCRYPTED_EXCEL",
            Self::BinaryExcel => "FILE_BINARY_EXCEL",
            Self::OpenDocument => "FILE_OPEN_DOCUMENT",
            Self::Unknown => "FILE_TYPE_UNKNOWN",
            Self::Macros => "FILE_MACROS",
            Self::Encrypted => "FILE_ENCRYPTED",
            Self::NestedArchive => "FILE_NESTED_ARCHIVE",
            Self::EntryName => "FILE_ENTRY_NAME",
            Self::TooManyEntries => "FILE_TOO_MANY_ENTRIES",
            Self::InflatesTooMuch => "FILE_INFLATES_TOO_MUCH",
            Self::InflatesTooFast => "FILE_INFLATES_TOO_FAST",
            Self::Damaged => "FILE_DAMAGED",
            Self::Encoding => "FILE_ENCODING",
            Self::Empty => "FILE_EMPTY",
            Self::TooManyRows => "FILE_TOO_MANY_ROWS",
            Self::TooManyColumns => "FILE_TOO_MANY_COLUMNS",
            Self::TooMuchText => "FILE_TOO_MUCH_TEXT",
            Self::ColumnUnknown(_) => "COLUMN_UNKNOWN",
            Self::ColumnTwice(_) => "COLUMN_TWICE",
            Self::ColumnMissing(_) => "COLUMN_MISSING",
        }
    }

    /// The reason in Chinese.
    pub fn zh(self) -> String {
        match self {
            Self::TooLarge => "文件超过64 MiB".to_owned(),
            Self::OldOrEncryptedExcel => "旧版Excel文件（.xls）或加密文件，请另存为不加密的.xlsx".to_owned(),
            Self::BinaryExcel => "二进制Excel文件（.xlsb），请另存为.xlsx".to_owned(),
            Self::OpenDocument => "OpenDocument文件（.ods），请另存为.xlsx".to_owned(),
            Self::Unknown => "既不是CSV文本，也不是XLSX文件".to_owned(),
            Self::Macros => "文件含宏，请另存为不含宏的.xlsx".to_owned(),
            Self::Encrypted => "压缩包已加密".to_owned(),
            Self::NestedArchive => "压缩包内还有压缩包".to_owned(),
            Self::EntryName => "压缩包内有越界的文件名".to_owned(),
            Self::TooManyEntries => "压缩包内文件超过200个".to_owned(),
            Self::InflatesTooMuch => "解压后超过64 MiB".to_owned(),
            Self::InflatesTooFast => "压缩比超过200倍".to_owned(),
            Self::Damaged => "文件已损坏".to_owned(),
            Self::Encoding => "文本既不是UTF-8，也不是GB18030编码".to_owned(),
            Self::Empty => "文件没有数据行".to_owned(),
            Self::TooManyRows => "文件超过20万行".to_owned(),
            Self::TooManyColumns => "文件超过64列".to_owned(),
            Self::TooMuchText => "单元格文本合计超过64 MiB".to_owned(),
            Self::ColumnUnknown(column) => format!("表头第{column}列无法识别"),
            Self::ColumnTwice(column) => format!("表头第{column}列重复"),
            Self::ColumnMissing(column) => format!("表头缺少{column}列"),
        }
    }
}
