//! What each step of the tour is about, in Chinese and English.

/// By the name of the step.
pub const OF_STEPS: [(&str, &str, &str); 37] = [
    (
        "notice",
        "导入2022年11月26日的真实风险地区通告",
        "The real notice of risk areas of 26 November 2022 is imported",
    ),
    (
        "resident",
        "王小明申领通行码，没有任何风险记录",
        "Wang Xiaoming applies; nothing is known against him",
    ),
    (
        "listed place",
        "李静申领，今天到过通告所列的地区",
        "Li Jing applies; she was in a listed area today",
    ),
    (
        "resident, before",
        "赵强申领，尚无风险记录",
        "Zhao Qiang applies; nothing is known against him yet",
    ),
    (
        "border entry",
        "口岸报告赵强六小时前入境，他的码随即变化",
        "The border reports that Zhao Qiang entered six hours ago, and his code changes",
    ),
    (
        "overseas arrival",
        "赵强自己申报入境来鲁，材料不全，说明缺什么",
        "Zhao Qiang declares his arrival himself; what is missing is named",
    ),
    (
        "partner code",
        "陈晓燕出示江苏签发的绿码，转码",
        "Chen Xiaoyan arrives with Jiangsu's signed green code, which is converted",
    ),
    (
        "close contact",
        "疾控报告一名密接，此人尚未注册",
        "The CDC reports a close contact who has not registered yet",
    ),
    (
        "applies later",
        "孙伟后来申领，码上已有密接记录",
        "Sun Wei applies later; the contact was waiting for him",
    ),
    (
        "correction",
        "疾控更正密接日期为四十天前，码随即变化",
        "The CDC corrects the day of the contact to forty days ago, and the code changes",
    ),
    (
        "door",
        "卡口扫王小明的码",
        "A checkpoint scans Wang Xiaoming's code",
    ),
    ("forged", "卡口扫一张伪造的码", "A checkpoint scans a forged code"),
    (
        "stranger",
        "卡口扫一张来历不明的码",
        "A checkpoint scans a code signed with an unknown key",
    ),
    (
        "late",
        "一分半钟后卡口再扫同一张码",
        "A minute and a half later a checkpoint scans the same code again",
    ),
    (
        "feedback",
        "王小明反馈问题，凭编号查询",
        "Wang Xiaoming reports a problem and looks it up by its number",
    ),
    (
        "channel",
        "李华在爱山东（替身）登录并申领，无需其他证明",
        "Li Hua signs in at a stand-in of Ai Shandong and applies, with nothing else to prove",
    ),
    (
        "binding",
        "家长为同户的王小雨办理代办",
        "A parent binds Wang Xiaoyu of the same household",
    ),
    (
        "child's application",
        "家长为王小雨申领，他还小，没有手机",
        "The parent applies for Wang Xiaoyu, who is small and has no telephone",
    ),
    (
        "child's code",
        "家长在卡口出示孩子的码",
        "The parent shows the child's code at a checkpoint",
    ),
    (
        "arrival that waits",
        "周婷申报入境来鲁，等待口岸与检测结果",
        "Zhou Ting declares an arrival from abroad, which waits for what is not reported",
    ),
    (
        "admitted",
        "口岸报告隔离期满，实验室报告阴性，申报自行生效",
        "The border reports the end of quarantine, a laboratory the negative test; the arrival is accepted by itself",
    ),
    (
        "paper",
        "王秀兰奶奶没有手机，在断网的卡口出示纸质码",
        "Wang Xiulan, a grandmother without a telephone, shows a printed code at a door without a network",
    ),
    (
        "telephone",
        "同一卡口：断网的手机出示与本机绑定的码",
        "At the same door a telephone without a network shows the code that is bound to it",
    ),
    (
        "copied",
        "另一部手机出示复制来的码",
        "Another telephone shows a copy of it",
    ),
    (
        "paper revoked",
        "王秀兰成为密接；卡口收取吊销清单后再扫她的纸质码",
        "She becomes a close contact; the door takes in the revocation list and scans her paper again",
    ),
    (
        "contact at a door",
        "密接刘洋申领通行码",
        "Liu Yang, a close contact, applies",
    ),
    (
        "door report",
        "医院东门扫到刘洋的红码，一次上报；辖区工作人员随即看到",
        "The hospital's east door scans his red code and reports it in one call; the district's officer sees it at once",
    ),
    ("report taken", "工作人员受理上报", "The officer takes the report"),
    (
        "hospital",
        "市立医院挂号窗口扫居民的通行码，作为电子健康卡读出就诊人",
        "The city hospital's registration desk reads the resident's pass code as a health card",
    ),
    (
        "ledger",
        "居民在查询记录中看到医院读过卡，用于诊疗",
        "The resident sees in the ledger that a hospital read the card, for care",
    ),
    (
        "appeal",
        "刘洋对红码提出申诉；工作人员向来源核实",
        "Liu Yang appeals against his red code, and the officer asks the source of the fact",
    ),
    (
        "upheld",
        "疾控撤回误报的密接；申诉得到支持，码恢复绿色",
        "The CDC takes the mistaken contact back; the appeal is upheld, and his code is green again",
    ),
    (
        "place complained of",
        "三人投诉海景酒店拒绝绿码，经核查属实，自动立案追责",
        "Three people complain that a hotel refuses green codes; all of it is found to be so, and a case is opened",
    ),
    (
        "held to account",
        "承办人提出处理结果，第二人签批后公布，任何人可查",
        "An officer states what came of it, a second person signs it, and anybody reads it",
    ),
    (
        "green at home",
        "顾明在江苏自己的系统中申领，江苏是另一套完整的系统",
        "Gu Ming applies at home: Jiangsu has a whole system of its own",
    ),
    (
        "arrives with it",
        "顾明出示江苏系统签发的绿码来鲁，江苏当场确认",
        "Gu Ming arrives with the green code of that system, which confirms it at once",
    ),
    (
        "withdrawn at home",
        "江苏疾控报告顾明为密接，江苏撤回绿码，数秒后这里的码随之变化并说明原因",
        "Jiangsu's CDC reports that he met a patient; his code there is withdrawn, and within seconds so is the one here, which says why",
    ),
];
