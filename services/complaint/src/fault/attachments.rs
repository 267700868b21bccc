//! Files that belong to complaints.

use lutong_attachments::Refusal;
use lutong_kernel::{Fault, FaultCode, Violation};

/// No complete file of this name belongs to a complaint that the caller reaches.
pub fn attachment_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "ATTACHMENT_NOT_FOUND",
        "未找到该附件，或其上传已超时，或不属于本账号的事项",
        "there is no such file within your reach, or its time to be uploaded is over",
    )
}

/// A complaint has as many files as it may.
pub fn too_many_attachments(most: usize) -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "TOO_MANY_ATTACHMENTS",
        format!("每件事项最多{most}个附件"),
        format!("at most {most} files belong to one complaint"),
    )
    .with("most", most.to_string())
}

/// A piece does not go on where the file ends, or other bytes are there.
pub fn offset_mismatch(next_offset: u64) -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "OFFSET_MISMATCH",
        format!("数据与已上传内容不衔接或不一致，请从第{next_offset}字节继续"),
        format!("other bytes are there, or some between are missing: go on at byte {next_offset}"),
    )
    .with("next_offset", next_offset.to_string())
}

/// A file has more bytes than were stated.
pub fn beyond_size() -> Violation {
    Violation::new(
        "chunk",
        "BEYOND_SIZE",
        "超过创建附件时申报的字节数",
        "goes beyond the number of bytes that was stated for the file",
    )
}

/// A file cannot be kept. It is gone.
pub fn file_refused(refusal: Refusal) -> Fault {
    let zh = match refusal {
        Refusal::OtherType => "附件须为JPEG、PNG图片或PDF文件",
        Refusal::TooLarge => "附件不得超过5MiB",
        Refusal::Damaged => "附件已损坏或无法读取",
        Refusal::TooManyPixels => "图片尺寸过大",
        Refusal::TooComplex => "文件页数或内容过多",
        Refusal::Encrypted => "不接受加密的PDF文件",
        Refusal::ActiveContent => "不接受含脚本、嵌入文件或动作的PDF文件",
        Refusal::HiddenMetadata => "PDF文件中的图片含有无法清除的元数据",
    };
    Fault::new(
        FaultCode::InvalidArgument,
        "FILE_REFUSED",
        zh,
        format!("the file is not kept: {refusal}"),
    )
    .with("cause", refusal.into_str())
}
