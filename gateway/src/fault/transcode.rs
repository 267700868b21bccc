//! Requests in JSON that do not fit their RPC. Paths and names come from the caller and are shortened before they are put here.

use lutong_kernel::Violation;

/// A path that is not UTF-8.
pub fn path_not_utf8() -> Violation {
    Violation::new(
        "",
        "PATH_NOT_UTF8",
        "路径应为UTF-8编码",
        "the path is percent-encoded UTF-8",
    )
}

/// A query that is not UTF-8.
pub fn query_not_utf8() -> Violation {
    Violation::new(
        "",
        "QUERY_NOT_UTF8",
        "查询参数应为UTF-8编码",
        "the query is percent-encoded UTF-8",
    )
}

/// The body says something else than the path.
pub fn path_differs(path: &str) -> Violation {
    Violation::new(path, "PATH_DIFFERS", "与路径不一致", "is not what the path says")
}

/// A parameter that is given more than once.
pub fn parameter_twice(path: String) -> Violation {
    Violation::new(path, "PARAMETER_TWICE", "参数重复", "is given more than once")
}

/// A parameter that the RPC does not have.
pub fn unknown_parameter(name: String) -> Violation {
    Violation::new(
        name,
        "UNKNOWN_PARAMETER",
        "没有这个参数",
        "there is no such parameter",
    )
}

/// A body that is not UTF-8 from a byte on.
pub fn body_not_utf8(at: usize) -> Violation {
    Violation::new(
        "",
        "BODY_NOT_UTF8",
        format!("请求内容应为UTF-8编码，第{at}字节处有误"),
        format!("the body is UTF-8; it is not from byte {at} on"),
    )
}

/// A body that is not JSON at a place.
pub fn body_not_json(line: usize, column: usize) -> Violation {
    Violation::new(
        "",
        "BODY_NOT_JSON",
        format!("请求内容不是有效的JSON，第{line}行第{column}列有误"),
        format!("the body is not JSON: line {line}, column {column}"),
    )
}

/// A body that the RPC's message does not take, for a reason that has no name of its own.
pub fn body_shape() -> Violation {
    body_differs(
        "请求内容与接口定义不符",
        "the body does not fit the request as /openapi.json describes it",
    )
}

/// A sign-in of the development mode without an account.
pub fn sign_in_shape() -> Violation {
    body_differs(
        "请求内容应为 {\"account_id\": \"…\"}",
        "the body is {\"account_id\": \"…\"}",
    )
}

/// A body of another shape than its path takes, which the texts say.
pub fn body_differs(zh: &str, en: &str) -> Violation {
    Violation::new("", "BODY_SHAPE", zh, en)
}

/// A value of another type than its field or parameter has, which the texts name.
pub fn wrong_type(path: impl Into<String>, zh: &str, en: &str) -> Violation {
    Violation::new(path, "WRONG_TYPE", zh, en)
}

/// A field that the message does not have.
pub fn unknown_field(path: String) -> Violation {
    Violation::new(path, "UNKNOWN_FIELD", "没有这个字段", "there is no such field")
}

/// A field that is given more than once.
pub fn field_twice(path: String) -> Violation {
    Violation::new(path, "DUPLICATE_FIELD", "重复填写", "is given more than once")
}

/// An enum value that nobody may send; `known` lists those that may be sent.
pub fn unknown_value(path: &str, known: &str) -> Violation {
    Violation::new(
        path,
        "UNKNOWN_VALUE",
        format!("应为以下取值之一：{known}"),
        format!("is one of {known}"),
    )
}

/// A member of a oneof beside another.
pub fn one_of(path: &str, other: &str) -> Violation {
    Violation::new(
        path,
        "ONE_OF",
        format!("与{other}只能填写一项"),
        format!("excludes {other}: one of them only"),
    )
}
