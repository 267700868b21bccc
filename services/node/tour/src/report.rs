//! Prints a sentence or a line of JSON per step, then the totals.

use std::time::Instant;

use lutong_client::Failure;
use lutong_client::output::in_language;

/// The steps whose QR code is printed: one green, one red.
const WITH_PICTURE: [&str; 2] = ["resident", "listed place"];

/// The result of one step.
pub struct TourStep {
    pub name: &'static str,
    pub asked: String,
    pub expected: String,
    pub got: String,
    /// Printed below the line: reason, guidance, picture.
    pub shown: String,
}

pub struct Report {
    json: bool,
    number: usize,
    passed: usize,
    failed: usize,
    since: Instant,
}

impl Report {
    pub fn new(json: bool) -> Self {
        Self {
            json,
            number: 0,
            passed: 0,
            failed: 0,
            since: Instant::now(),
        }
    }

    /// Prints a step and counts whether its result is the expected one.
    pub fn add(&mut self, step: &TourStep) {
        self.number += 1;
        let took = self.since.elapsed().as_secs_f64() * 1_000.0;
        let well = step.got == step.expected;
        if well {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
        let TourStep {
            name,
            asked,
            expected,
            got,
            shown,
        } = step;
        if self.json {
            let line = serde_json::json!({"step": self.number, "name": name, "asked": asked, "expected": expected,
                "got": got, "ms": took, "ok": well});
            say!("{line}");
        } else {
            let mark = if well { "✓" } else { "✗" };
            let got = got.trim_start_matches("VERIFICATION_OUTCOME_");
            say!(
                "{mark} {:2}. {} → {got} ({took:.0} ms)",
                self.number,
                sentence(name).unwrap_or(asked)
            );
            if !well {
                say!("      {}: {expected}", in_language("应为", "expected"));
            }
            for line in shown
                .lines()
                .filter(|line| WITH_PICTURE.contains(name) || !is_drawn(line))
            {
                say!("      {line}");
            }
        }
        self.since = Instant::now();
    }

    pub fn finish(self) -> Result<(), Failure> {
        let Self {
            json, passed, failed, ..
        } = self;
        if json {
            say!("{}", serde_json::json!({"passed": passed, "failed": failed}));
        } else {
            next();
            say!("{passed} passed, {failed} failed");
        }
        if failed == 0 { Ok(()) } else { Err(Failure::Failed) }
    }
}

/// Whether a line is part of a drawn QR code.
fn is_drawn(line: &str) -> bool {
    line.contains(['█', '▀', '▄'])
}

/// Prints what to try after the tour.
fn next() {
    say!("");
    let (zh, en) = (
        "接下来：`lutong serve --dev` 启动服务，浏览器打开 http://127.0.0.1:8080/docs 查看接口；README 有三分钟上手步骤。",
        "Next: start it with `lutong serve --dev` and open http://127.0.0.1:8080/docs; the README shows the first three minutes.",
    );
    say!("{}", in_language(zh, en));
}

/// The sentence that describes a step.
fn sentence(name: &str) -> Option<&'static str> {
    let (zh, en) = match name {
        "notice" => (
            "导入2022年11月26日的真实风险地区通告",
            "The real notice of risk areas of 26 November 2022 is imported",
        ),
        "resident" => (
            "王小明申领通行码，没有任何风险记录",
            "Wang Xiaoming applies; nothing is known against him",
        ),
        "listed place" => (
            "李静申领，今天到过通告所列的地区",
            "Li Jing applies; she was in a listed area today",
        ),
        "resident, before" => (
            "赵强申领，尚无风险记录",
            "Zhao Qiang applies; nothing is known against him yet",
        ),
        "border entry" => (
            "口岸报告赵强六小时前入境，他的码随即变化",
            "The border reports that Zhao Qiang entered six hours ago, and his code changes",
        ),
        "overseas arrival" => (
            "赵强自己申报入境来鲁，材料不全，说明缺什么",
            "Zhao Qiang declares his arrival himself; what is missing is named",
        ),
        "partner code" => (
            "陈晓燕出示江苏签发的绿码，转码",
            "Chen Xiaoyan arrives with Jiangsu's signed green code, which is converted",
        ),
        "close contact" => (
            "疾控报告一名密接，此人尚未注册",
            "The CDC reports a close contact who has not registered yet",
        ),
        "applies later" => (
            "孙伟后来申领，码上已有密接记录",
            "Sun Wei applies later; the contact was waiting for him",
        ),
        "correction" => (
            "疾控更正密接日期为四十天前，码随即变化",
            "The CDC corrects the day of the contact to forty days ago, and the code changes",
        ),
        "door" => ("卡口扫王小明的码", "A checkpoint scans Wang Xiaoming's code"),
        "forged" => ("卡口扫一张伪造的码", "A checkpoint scans a forged code"),
        "stranger" => (
            "卡口扫一张来历不明的码",
            "A checkpoint scans a code signed with an unknown key",
        ),
        "late" => (
            "一分半钟后卡口再扫同一张码",
            "A minute and a half later a checkpoint scans the same code again",
        ),
        "feedback" => (
            "王小明反馈问题，凭编号查询",
            "Wang Xiaoming reports a problem and looks it up by its number",
        ),
        "channel" => (
            "李华在爱山东（替身）登录并申领，无需其他证明",
            "Li Hua signs in at a stand-in of Ai Shandong and applies, with nothing else to prove",
        ),
        "binding" => (
            "家长为同户的王小雨办理代办",
            "A parent binds Wang Xiaoyu of the same household",
        ),
        "child's application" => (
            "家长为王小雨申领，他还小，没有手机",
            "The parent applies for Wang Xiaoyu, who is small and has no telephone",
        ),
        "child's code" => (
            "家长在卡口出示孩子的码",
            "The parent shows the child's code at a checkpoint",
        ),
        "arrival that waits" => (
            "周婷申报入境来鲁，等待口岸与检测结果",
            "Zhou Ting declares an arrival from abroad, which waits for what is not reported",
        ),
        "admitted" => (
            "口岸报告隔离期满，实验室报告阴性，申报自行生效",
            "The border reports the end of quarantine, a laboratory the negative test; the arrival is accepted by itself",
        ),
        _ => return None,
    };
    Some(in_language(zh, en))
}
