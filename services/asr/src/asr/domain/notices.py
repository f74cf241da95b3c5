"""What a reader of a transcript should know of how it was made, in the reader's language."""

MONO = "单声道录音：说话人按声音特征自动区分，角色由内容推断；多于两人或重叠说话时可能有误。"
ONE_VOICE = "单声道录音：只听到一种声音，全部话轮归于同一角色，角色由内容推断。"
ANNOUNCED_TWO = "声明为双声道，实际只有一个声道，已按单声道处理。"
SAME_CHANNELS = "两个声道内容相同或其中一个为空，已按单声道处理。"
SILENCE = "录音中没有听到人声。"
GONE = "录音或文字记录已不存在。"
REPEATEDLY_FAILED = "多次转写均未成功，请稍后重新提交。"


def cut_off(length_ms: int) -> str:
    """The file ended in the middle."""
    return f"录音文件不完整，只转写了可读取的前{length_ms / 1000:.0f}秒。"
