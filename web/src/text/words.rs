//! The words themselves.
//!
//! `{x}` is filled in; a `|` parts singular and plural, where a language has both.

macro_rules! texts {
    ($($key:ident: $english:literal, $chinese:literal;)*) => {
        /// All texts of one language.
        #[derive(Debug)]
        pub struct Text { $(pub $key: &'static str,)* }
        pub(super) static ENGLISH: Text = Text { $($key: $english,)* };
        pub(super) static CHINESE: Text = Text { $($key: $chinese,)* };
        #[cfg(test)]
        pub(super) const ALL: &[(&str, &str, &str)] = &[$((stringify!($key), $english, $chinese),)*];
    };
}

texts! {
    title: "Portcullis — who can reach whom, and which line decides", "Portcullis：谁能访问谁，由哪一行决定";
    // What is compared.
    pin: "Pin", "固定";
    pin_title: "Remember this state, and show what opens and closes after it", "记住此刻的状态，并显示之后新开放和关闭的流量";
    pin_none: "nothing changed", "没有变化";
    pin_opened: "{n} opened", "新开放 {n} 条";
    pin_closed: "{n} closed", "新关闭 {n} 条";
    pin_uncertain: "{n} uncertain", "{n} 条不确定";
    pin_show: "Show what changed since the pin", "显示固定之后的变化";
    unpin: "Forget the pinned state", "取消固定";
    since_pin: "Changed since the pin", "固定之后的变化";
    change: "Change", "变化";
    change_opened: "opened", "新开放";
    change_closed: "closed", "已关闭";
    change_uncertain: "uncertain", "不确定";
    one_sided: "{added} new workloads, {removed} gone", "新增工作负载 {added} 个，消失 {removed} 个";
    // The top bar.
    examples: "Examples", "示例";
    example_of: "Example {n} of {all}", "示例 {n}/{all}";
    own_work: "Your manifests", "你的清单";
    previous: "Previous example", "上一个示例";
    next: "Next example", "下一个示例";
    start_empty: "Start from scratch", "从空白开始";
    start_empty_note: "An empty file for your own manifests", "一个空文件，放你自己的清单";
    examples_solved: "Examples · {n} of {all} solved", "示例 · 已完成 {n}/{all}";
    goal: "Goal:", "目标：";
    goal_open: "{n} of {all} flows are as wanted", "{all} 条流量中 {n} 条符合要求";
    goal_met: "✓ solved", "✓ 已完成";
    show_lesson: "Read about this example", "阅读这个示例的说明";
    language: "中文", "English";
    theme: "Theme: {now}", "主题：{now}";
    theme_system: "system", "跟随系统";
    theme_light: "light", "浅色";
    theme_dark: "dark", "深色";
    panes: "Panes", "面板";
    pane_edit: "Edit", "编辑";
    pane_explain: "Explain", "解释";
    // Sharing.
    share: "Share", "分享";
    copy_link: "Copy a link", "复制链接";
    copy_link_note: "The manifests are in the link itself, without the values of Secrets", "清单就在链接中，不含 Secret 的值";
    copy_markdown: "Copy a link for Markdown", "复制 Markdown 链接";
    link_copied: "The link is copied", "链接已复制";
    not_copied: "The browser did not allow the page to copy: allow it to use the clipboard, and try again", "浏览器不允许此页面复制：请允许访问剪贴板后重试";
    too_long_link: "This is too much for a link ({n} letters): save the manifests as a file instead", "内容太多，放不进链接（{n} 个字符）：请改为保存清单文件";
    no_link: "This browser cannot make a link: save the manifests as a file instead", "此浏览器无法生成链接：请改为保存清单文件";
    link_opened: "Opened from a link, and kept in your menu: what you had before is still there", "已从链接打开并保存在菜单中：之前的内容仍在";
    link_of_other: "Opened from a link of version {version}: this is {own}, which may answer otherwise", "链接来自版本 {version}，当前为 {own}，结果可能不同";
    link_damaged: "This link is damaged or was cut off: ask for it again", "链接已损坏或被截断：请重新索取";
    save_as: "Save as a file", "保存为文件";
    save_manifests: "Manifests (YAML)", "清单（YAML）";
    save_csv: "Connections as a table (CSV)", "连接表（CSV）";
    save_markdown: "Connections for Markdown", "连接表（Markdown）";
    save_mermaid: "Diagram for Mermaid", "图（Mermaid）";
    save_dot: "Diagram for Graphviz (DOT)", "图（Graphviz DOT）";
    save_svg: "Diagram as a picture (SVG)", "图（SVG）";
    no_diagram: "The diagram is not shown here: open it, and try again", "当前没有显示图：请先打开图再试";
    saved_certain: "Saved. It has what is certainly allowed: other flows depend on what the manifests do not say", "已保存。其中只有确定允许的流量：其他流量取决于清单没有说明的内容";
    saved_without: "Saved without {place}, which cannot be read", "已保存，但不含无法读取的 {place}";
    not_saved: "The engine did not answer: change something, and try again", "引擎没有响应：请修改后重试";
    // The editor.
    manifests: "Manifests", "清单";
    files: "Files", "文件";
    add_file: "Add a file", "添加文件";
    close_file: "Close {name}", "关闭 {name}";
    file_changed: "modified", "已修改";
    file_keys: "F2 or double-click to rename, Delete to close", "F2 或双击重命名，Delete 关闭";
    rename: "New name for {name}", "{name} 的新名称";
    drop_here: "Drop files to add them", "松开以添加文件";
    editor_label: "Manifests. Press Escape, then Tab, to leave the editor.", "清单。按 Escape 再按 Tab 离开编辑器。";
    hide: "Hide", "隐藏";
    fix_insert: "Insert {text}", "插入 {text}";
    fix_change: "Change to {text}", "改为 {text}";
    fix_join: "Join with the item above", "并入上一项";
    fix_meaning: "Policies decide otherwise with it", "会改变策略的判定";
    told_more: "and {n} more", "另有 {n} 项";
    lens_selected: "selects nothing|selects 1 workload|selects {n} workloads|selects {n} workloads in {m} namespaces", "未选中任何工作负载|选中 1 个工作负载|选中 {n} 个工作负载|选中 {m} 个命名空间中的 {n} 个工作负载";
    lens_named: "matches nothing|matches 1 workload|matches {n} workloads|matches {n} workloads in {m} namespaces", "未匹配任何工作负载|匹配 1 个工作负载|匹配 {n} 个工作负载|匹配 {m} 个命名空间中的 {n} 个工作负载";
    lens_perhaps: "perhaps", "（可能）";
    lens_more: "and {n} more perhaps", "另有 {n} 个可能";
    not_text: "{name} is not a text file", "{name} 不是文本文件";
    too_large: "{name} is larger than 32 MB and was not read", "{name} 大于 32 MB，未读取";
    not_stored: "These manifests are too large for the browser to store: they will be lost when the page closes", "清单太大，浏览器无法保存：关闭页面后会丢失";
    put_aside: "Your manifests are kept in the menu", "你的清单已保存在菜单中";
    closed: "Closed {name}", "已关闭 {name}";
    deleted: "Deleted", "已删除";
    bring_back: "Bring back", "恢复";
    without_secrets: "The values of Secrets are not stored: they will be gone when the page is loaded again", "Secret 的值不会被保存：重新加载页面后不再存在";
    stored: "Stored in this browser", "保存在此浏览器中";
    forget_all: "Forget everything", "忘记全部";
    forget_note: "Deletes all your manifests and settings from this browser, now", "立即从此浏览器删除你的全部清单和设置";
    forgotten: "Everything was deleted from this browser", "已从此浏览器删除全部内容";
    some_files: "{n} file|{n} files", "{n} 个文件";
    rename_set: "Rename {name}", "重命名 {name}";
    rename_short: "Rename", "重命名";
    delete_set: "Delete {name}", "删除 {name}";
    delete_short: "Delete", "删除";
    unknown_example: "There is no example called “{name}”", "没有名为“{name}”的示例";
    // The diagram.
    diagram: "Diagram", "图";
    matrix: "Matrix", "矩阵";
    list: "List", "列表";
    view: "View", "视图";
    filter: "Filter…", "筛选…";
    filter_label: "Show only names that contain this", "只显示名称中包含此文字的项";
    stats: "{workloads} · {policies} · {ms} ms", "{workloads} · {policies} · {ms} 毫秒";
    workloads: "{n} workload|{n} workloads", "{n} 个工作负载";
    policies: "{n} policy|{n} policies", "{n} 条策略";
    pods: "{n} pod|{n} pods", "{n} 个 Pod";
    broken_at: "{file}, document {n}", "{file} 的第 {n} 个文档";
    broken: "{place} does not parse; answers leave it out.", "{place} 无法解析；结果不包含它。";
    without: "without {place}", "不含 {place}";
    stopped: "The analysis failed on this text. Undo the last change, or remove what is unusual.", "分析此文本失败。请撤销上一步修改，或移除不寻常的部分。";
    not_judged: "Not judged: {kinds}. They can change every answer on this page.", "未评估：{kinds}。它们可能改变本页的任何结果。";
    rejected: "Not in force: {kinds}. The API server rejects them.", "未生效：{kinds}。API 服务器会拒绝它们。";
    audited: "{n} policy is only audited: it is not counted here|{n} policies are only audited: they are not counted here", "{n} 条策略仅审计：此处不计入";
    unknown_flows: "{n} flow depends on what the manifests do not say|{n} flows depend on what the manifests do not say", "{n} 条流取决于清单中没有的信息";
    unknown_undrawn: "they are in the list, not in the diagram.", "它们在列表中，不在图中。";
    why: "Why", "原因";
    set_addresses: "Set pod CIDR…", "设置 Pod CIDR…";
    done: "Done", "完成";
    nothing_assumed: "Addresses and labels that the manifests do not give can be set here.", "清单中没有的地址和标签可在此设置。";
    pod_cidrs: "Pod CIDR", "Pod CIDR";
    node_cidrs: "Node CIDR", "节点 CIDR";
    namespace_labels: "Namespace labels", "命名空间标签";
    bad_cidr: "`{cidr}` is not a valid CIDR: write 10.244.0.0/16", "`{cidr}` 不是有效的 CIDR：请写 10.244.0.0/16";
    note_flows: "{n} flow|{n} flows", "{n} 条流";
    legend_allowed: "allowed", "允许";
    legend_open: "open", "开放";
    legend_open_note: "No policy limits what it sends or what it receives", "没有策略限制它的发送或接收";
    legend_unknown: "? unknown", "? 未知";
    legend_denied: "asked: denied", "所问：拒绝";
    legend_ingress: "ingress", "入口";
    legend_egress: "egress isolated", "出口已隔离";
    legend_cluster: "cluster policies only", "仅集群策略";
    zoom_in: "Zoom in", "放大";
    zoom_out: "Zoom out", "缩小";
    zoom_fit: "Fit to pane", "适合窗口";
    diagram_label: "Diagram of workloads. Arrow keys move between workloads, square brackets between the lines of one, Enter selects, plus, minus and zero zoom.", "工作负载图。方向键在工作负载间移动，方括号键在其连线间移动，Enter 选择，加号、减号和 0 缩放。";
    open_all: "everything can talk to everything", "一切都可以互相通信";
    inside: "all to all", "全部互通";
    undrawn: "{n} flows that no policy limits are not drawn. Select a workload to see its own.", "未绘制 {n} 条没有策略限制的流。选择一个工作负载可查看它的流。";
    overview: "Point at a namespace or a workload, or select it, to see its flows.", "指向或选择命名空间、工作负载，即可查看它的流。";
    flows: "{n} flows", "{n} 条流";
    some_pairs: "{n} of {m} pairs", "{m} 对中的 {n} 对";
    fan_out: "{end} to {n} others: {label}", "{end} 到其他 {n} 个：{label}";
    fan_in: "{n} others to {end}: {label}", "其他 {n} 个到 {end}：{label}";
    fan_both: "{end} and {n} others, both ways: {label}", "{end} 与其他 {n} 个双向：{label}";
    some_workloads: "{n} workloads", "{n} 个工作负载";
    part_drawn: "{n} of {m} workloads", "{m} 个工作负载中的 {n} 个";
    open: "open", "开放";
    some_open: "{n} open", "{n} 个开放";
    isolated: "isolated", "已隔离";
    expand: "Expand namespace {name}", "展开命名空间 {name}";
    collapse: "Collapse namespace {name}", "折叠命名空间 {name}";
    edge: "{from} to {to}: {label}, {state}", "{from} 到 {to}：{label}，{state}";
    both_ways: "{from} and {to}, both ways: {label}, {state}", "{from} 与 {to} 双向：{label}，{state}";
    said_allowed: "allowed", "允许";
    said_denied: "denied", "拒绝";
    said_unknown: "unknown", "未知";
    isolated_ingress: "isolated for ingress", "入口已隔离";
    isolated_egress: "isolated for egress", "出口已隔离";
    selected_ingress: "cluster policies apply to ingress", "集群策略适用于入口";
    selected_egress: "cluster policies apply to egress", "集群策略适用于出口";
    any: "any", "任意";
    outside: "outside", "外部";
    all_addresses: "all addresses", "所有地址";
    all_of_family: "all {family} addresses", "所有 {family} 地址";
    all_but: "all except {blocks}", "除 {blocks} 之外";
    all_others: "all other addresses", "所有其他地址";
    addresses: "addresses", "地址";
    and_more: "and {n} more block|and {n} more blocks", "另有 {n} 个地址块";
    and: "and {blocks}", "以及 {blocks}";
    lone_title: "No workloads here yet", "还没有工作负载";
    lone_text: "What these policies allow depends on the pods that they select. Paste workloads too, for example the output of", "这些策略允许什么取决于它们选中的 Pod。请同时粘贴工作负载，例如以下命令的输出";
    copy: "Copy", "复制";
    copied: "Copied", "已复制";
    lone_pods: "pods with {labels} in {namespace}", "{namespace} 中带 {labels} 的 Pod";
    lone_all: "all pods in {namespace}", "{namespace} 中的所有 Pod";
    lone_no_ingress: "nothing may reach them", "任何流都不能到达它们";
    lone_no_egress: "they may reach nothing", "它们不能访问任何目标";
    // The list and the matrix.
    from: "From", "来源";
    to: "To", "目的";
    ports: "Ports", "端口";
    no_flows: "No flows", "没有流";
    no_match: "No name contains “{filter}”.", "没有名称包含“{filter}”的项。";
    all_workloads: "all workloads", "所有工作负载";
    all_of_these: "{name} ({n})", "{name}（{n} 个）";
    all_of_these_but: "{name} except {names} ({n})", "{name}，{names} 除外（{n} 个）";
    these_and_more: "{names} and {n} more", "{names} 等，另 {n} 个";
    list_lines: "{all} flows in {n} line|{all} flows in {n} lines", "{n} 行，共 {all} 条流量";
    each_pair: "List each pair", "逐对列出";
    show_more: "Show {n} of {all} more", "再显示 {n} 条，共余 {all} 条";
    matrix_none: "nothing", "无";
    matrix_self: "itself", "自身";
    matrix_port: "All ports", "所有端口";
    matrix_port_label: "Show only this port, for example 443 or 53/UDP", "只看此端口，例如 443 或 53/UDP";
    matrix_bad_port: "not a port: write 443 or 53/UDP", "不是端口：请写 443 或 53/UDP";
    matrix_keys: "Matrix of sources and destinations. Arrow keys move, Enter explains.", "来源与目的矩阵。方向键移动，Enter 解释。";
    matrix_strip: "Rows send, columns receive. Point at a cell to see its ports.", "行为来源，列为目的。指向单元格查看端口。";
    flow_of: "{from} to {to}: {ports}", "{from} 到 {to}：{ports}";
    // The flow bar.
    ask: "Ask about a flow", "询问一条流";
    ask_from: "from", "从";
    ask_to: "to", "到";
    ask_port: "port", "端口";
    ask_protocol: "Protocol", "协议";
    bad_port: "`{port}` is not a port: write 443, 53/UDP, 8000-8080 or a name such as http", "`{port}` 不是端口：请写 443、53/UDP、8000-8080 或名称（如 http）";
    explain_hint: "↵ explain", "↵ 解释";
    allowed: "✓ allowed", "✓ 允许";
    denied: "✕ denied", "✕ 拒绝";
    unknown: "? unknown", "? 未知";
    // The inspector.
    inspector: "Inspector", "检查器";
    explain: "Explain", "解释";
    reach: "Reach", "可达";
    findings: "Findings", "问题";
    leaves: "Leaves {name}", "离开 {name}";
    enters: "Enters {name}", "进入 {name}";
    whole_answer: "everything allowed: {ports}", "全部允许的：{ports}";
    nothing_passes: "nothing is allowed between the two", "两者之间不允许任何流";
    if_enforced: "If audited policies were enforced", "如果强制执行被审计的策略";
    between_pods: "between two of its pods: a pod always reaches itself", "指其中两个不同的 Pod 之间：Pod 总能访问自己";
    blank_explain: "Click a line in the diagram, or ask about a flow below it, to see what decides, and on which line.", "点击图中的连线，或在图下方询问一条流：这里会显示由什么决定，以及在哪一行。";
    blank_reach: "Click a workload to see what it can reach, and what can reach it.", "点击一个工作负载：这里会显示它能访问谁，以及谁能访问它。";
    refused: "This cannot be answered", "无法回答";
    reaches: "Reaches", "可访问";
    reached_by: "Reached by", "可被访问";
    nobody: "none", "无";
    declared: "declared at", "声明于";
    more_lines: "and {n} more", "另有 {n} 条";
    no_findings: "Nothing to report.", "没有发现问题。";
    n_errors: "{n} error|{n} errors", "{n} 个错误";
    n_warnings: "{n} warning|{n} warnings", "{n} 个警告";
    n_infos: "{n} info|{n} infos", "{n} 条提示";
    rule_admits: "This rule admits {n} flow|This rule admits {n} flows", "此规则放行 {n} 条流";
    bundle_holds: "This line stands for {n} flows", "这条线代表 {n} 条流";
    other_policies: "Other policies", "其他策略";
    rule_passes: "This rule passes on {n} allowed flow|This rule passes on {n} allowed flows", "此规则把 {n} 条被允许的流交给下一层";
    rule_denies: "This rule denies what it matches. Denied flows are not drawn.", "此规则拒绝其匹配的流。被拒绝的流不在图中。";
    tier_admin: "Admin tier", "Admin 层";
    tier_network_policy: "NetworkPolicy", "NetworkPolicy 层";
    tier_baseline: "Baseline tier", "Baseline 层";
    tier_calico: "Tier {name}", "{name} 层";
    tier_default: "After the last tier", "最后一层之后";
    tier_accepts: "accepts", "接受";
    tier_denies: "denies", "拒绝";
    tier_passes: "passes it on", "交给下一层";
    tier_no_match: "no rule matches", "没有规则匹配";
    tier_unknown: "unknown", "未知";
    tier_not_reached: "not reached", "未到达";
    tier_allowed: "allowed by default", "默认允许";
    priority: "priority {n}", "优先级 {n}";
    order: "order {n}", "次序 {n}";
    // Examples and the empty page.
    lesson: "About this example", "关于此示例";
    close: "Close", "关闭";
    empty_title: "Who can reach whom?", "谁能访问谁？";
    empty_text: "Paste or drop manifests, or the output of {command}. They never leave this page.", "粘贴或拖入清单，或 {command} 的输出。它们只留在本页。";
    all_examples: "All examples", "所有示例";
    width_editor: "Editor width", "编辑器宽度";
    width_inspector: "Inspector width", "检查器宽度";
}

/// Words of the editor's search panel and of its folds, as the editor knows them.
pub const EDITOR_PHRASES: &[(&str, &str)] = &[
    ("Find", "查找"),
    ("Replace", "替换"),
    ("next", "下一个"),
    ("previous", "上一个"),
    ("all", "全部"),
    ("match case", "区分大小写"),
    ("by word", "全字匹配"),
    ("regexp", "正则表达式"),
    ("replace", "替换"),
    ("replace all", "全部替换"),
    ("close", "关闭"),
    ("Go to line", "转到行"),
    ("go", "转到"),
    ("Diagnostics", "问题"),
    ("No diagnostics", "没有问题"),
    ("folded code", "已折叠"),
    ("unfold", "展开"),
];
