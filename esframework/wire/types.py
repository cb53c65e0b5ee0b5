"""The protocol's numbers: message types and enumerations (docs: topics/protocol). Numbers are the wire's, names are
ours."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

SERVER_ID: Final = "_0"


EVERYBODY: Final = "*"


def is_virtual(user_id: str) -> bool:
    """Whether an id stands for many users: everybody, or `_` and a group's id (and not the server)."""
    return user_id == EVERYBODY or (user_id.startswith("_") and user_id != SERVER_ID)


class MessageType(IntEnum):
    """Every message type that the two generations share or that this project adds (from 1000)."""

    MY_ENDPOINT = 101
    PING_BY_SERVER = 102
    PING_ANSWER = 103
    HEARTBEAT = 104
    PUSHED_OUT = 105
    KICK_OUT = 108
    KICKED_OUT = 109
    ALL_ONLINE_USERS = 110
    IS_USER_ONLINE = 111
    LOG_ON = 112
    USER_ENDPOINT = 113
    ARE_USERS_ONLINE = 114
    MY_DEVICES = 116
    DEVICE_NOTICE = 117
    QUERY_BEFORE_LOG_ON = 118
    PING_BY_P2P = 199

    INFORMATION_POSTED = 201
    INFORMATION = 202
    QUERY = 203
    ANSWER = 204
    ACKED_INFORMATION = 205
    ACKNOWLEDGEMENT = 206
    BLOB_FRAGMENT = 207
    ENGINE_MESSAGE = 208
    ECHOED_MESSAGE = 211
    MESSAGE_ECHO = 212
    BLOB_QUERY = 221
    BLOB_ANSWER = 222

    BEGIN_FILE = 301
    ANSWER_FILE = 302
    FILE_PACKAGE = 303
    SENDER_CANCELS_FILE = 304
    RECEIVER_CANCELS_FILE = 305
    FILE_OF_FOLDER_RECEIVED = 306
    CONTINUE_FILE = 307
    FILE_ANSWERED_ELSEWHERE = 308

    MY_P2P_ADDRESS = 401
    P2P_ADDRESS_OF = 402
    INVITE_TCP = 403
    INVITE_UDP = 404
    MY_PUBLIC_ENDPOINT = 405
    TEST_TCP_CHANNEL = 408

    FRIEND_NOTICE = 501
    FRIENDS = 502

    CONTACT_OFFLINE = 701
    CONTACT_ONLINE = 702
    GROUP_MEMBERS = 703
    BROADCAST = 704
    BROADCAST_BLOB = 705
    CONTACTS = 706

    GROUP_INFORMATION = 800
    JOIN_GROUP = 801
    QUIT_GROUP = 802
    PULL_INTO_GROUP = 803
    REMOVE_FROM_GROUP = 804
    SOMEONE_JOINED_GROUP = 805
    SOMEONE_QUIT_GROUP = 806
    PULLED_INTO_GROUP = 807
    REMOVED_FROM_GROUP = 808
    SOMEONE_PULLED_IN = 809
    SOMEONE_REMOVED = 810
    GROUPMATE_OFFLINE = 811
    GROUPMATE_ONLINE = 812
    MY_GROUPS = 814
    SET_GROUP_TAG = 815
    GROUP_TAG_CHANGED = 816
    INVITE_TO_GROUP = 817
    ONLINE_GROUPMATES = 818
    GROUP_BROADCAST = 819
    SELF_JOINED_GROUP = 820

    FEATURES = 1000
    REQUEST_FAILED = 1001
    STREAM_FLOW = 1002

    SESSION_TOKEN = 1010
    LOG_OUT = 1011
    MODIFY_ACCOUNT = 1012
    DELETE_ACCOUNT = 1013
    CHANGE_PASSWORD = 1014
    ACCOUNT_STATE = 1015
    WHO_IS_ONLINE = 1016
    SET_ROLE = 1017
    UNLOCK = 1018

    CONTACT_RELATIONS = 1020
    CHANGE_CONTACT = 1021
    CONTACT_NEWS = 1022
    CONTACT_DEVICES = 1023

    CREATE_GROUP = 1030
    DISSOLVE_GROUP = 1031
    GROUP_DISSOLVED = 1032
    LIST_GROUPS = 1033
    SET_GROUP_OWNER = 1034
    GROUP_OWNER_CHANGED = 1035
    REJOIN_GROUP = 1036

    BROADCAST_REPORT = 1040

    OFFLINE_READY = 1050
    OFFLINE_MESSAGE = 1051
    OFFLINE_ACKNOWLEDGEMENT = 1052
    OFFLINE_CAUGHT_UP = 1053
    OFFLINE_WAITING = 1054
    OFFLINE_DISCARD = 1055
    OFFLINE_KEPT = 1056

    ATTACHMENT_OFFERED = 1060
    ATTACHMENT_GRANTED = 1061
    ATTACHMENT_PIECE = 1062
    ATTACHMENT_ENDED = 1063
    ATTACHMENT_RECEIVED = 1064
    ATTACHMENT_REFUSED = 1065
    ATTACHMENT_WITHDRAWN = 1066
    DELIVERY_HELLO = 1070
    DELIVERY_WELCOME = 1071
    DELIVERY_MESSAGE = 1072
    DELIVERY_RECEIPTS = 1073
    DELIVERY_HANDED = 1074
    DELIVERY_ACKNOWLEDGEMENT = 1075
    DELIVERY_SETTLED = 1076
    DELIVERY_MISSED = 1077
    DELIVERY_ACCEPTED = 1078

    FILE_DETAILS = 1080
    FILE_ANSWER_DETAILS = 1081
    FILE_STARTED = 1082
    FILE_GRANTED = 1083
    FILE_ENDED = 1084
    FILE_KEPT = 1085
    FILE_ALIVE = 1086
    FILE_PEER_GONE = 1087

    LEAVE_OFFLINE_FILE = 1090
    OFFLINE_FILES_READY = 1091
    LIST_OFFLINE_FILES = 1092
    DISCARD_OFFLINE_FILES = 1093
    OFFLINE_FILE_SETTLED = 1094
    OFFLINE_FILE_REFUSED = 1095

    DISK_LIST = 1100
    DISK_INFORMATION = 1101
    DISK_MAKE_FOLDER = 1102
    DISK_MOVE = 1103
    DISK_REMOVE = 1104
    DISK_UPLOAD = 1105
    DISK_DOWNLOAD = 1106
    DISK_SHARE = 1107
    DISK_UNSHARE = 1108
    DISK_SHARES = 1109
    DISK_QUOTA = 1110
    DISK_CANCEL = 1111

    P2P_INTRODUCTION = 1120
    P2P_OFFER = 1121
    P2P_ANSWER = 1122
    P2P_SYNC = 1123
    P2P_REFUSAL = 1124
    P2P_MORE_CANDIDATES = 1125
    P2P_EPOCH_OF_MESSAGES = 1126
    P2P_EPOCH_OF_BULK = 1127
    P2P_ASK = 1128
    P2P_COUNTS = 1129
    P2P_ACQUAINTANCE = 1130


RELAYABLE_TYPES: Final = frozenset(
    {199, *range(201, 209), 211, 221, 222, *range(301, 309), 403, 404, 408, *range(410, 414)}
)
"""What a client may send to another client (protocol, section 5, rule 5); managers may register more."""


REPLY_TYPES: Final = frozenset(
    {103, 204, 206, 222, 302, 304, 305, 306, 307, 308, 1061, 1064, 1065, 1066, 1081, 1083, 1085, 1086, 1124, 1129}
)
"""What a client sends because another client began something: passes even to a user who has blocked its sender."""

STREAMED_TYPES: Final = frozenset({207, 208, 211, 221, 222, 303, 705, 1062})
"""Types that carry pieces of something large: their senders can be slowed down to what the receiver takes."""


class LogonResult(IntEnum):
    """How the server answered a log-on."""

    SUCCEED = 0
    FAILED = 1
    HAD_LOGGED_ON = 2
    VERSION_MISMATCHED = 3
    CLIENT_TYPE_MISMATCHED = 4


class DisconnectedType(IntEnum):
    """Why a session ended, as the server tells it to its application and its log."""

    NETWORK_INTERRUPTED = 0
    INVALID_MESSAGE = 1
    MESSAGE_WITH_WRONG_USER_ID = 2
    HEARTBEAT_TIMEOUT = 3
    BEING_PUSHED_OUT = 4
    NEW_CONNECTION_IGNORED = 5
    CHANNEL_CACHE_OVERFLOW = 6
    UNAUTHORIZED_CLIENT_TYPE = 7
    MAX_CONNECTION_COUNT_LIMITED = 8
    # Ours: the numbers above are the protocol's, and these never travel.
    KICKED_OUT = 100
    LOG_ON_TIMEOUT = 101
    LOG_ON_REFUSED = 102
    HANDLER_TIMEOUT = 103
    SERVER_CLOSING = 104


class MessageInvalidType(IntEnum):
    """What was wrong with bytes that are no frame."""

    VALID = 0
    MESSAGE_SIZE_OVERFLOW = 1
    INVALID_HEADER = 2
    INVALID_TOKEN = 3
    DATA_LACKED = 4
    INVALID_CLIENT_TYPE = 5


class RelogonMode(IntEnum):
    """What happens to the second connection of one user."""

    IGNORE_NEW = 0
    REPLACE_OLD = 1


class PackageType(IntEnum):
    """What a package of a file or folder (303) carries."""

    CONTENT = 0
    FILE = 1
    FOLDER = 2
    FINISHED = 3
    BUNDLE = 100
    """Between ours: many small ones in one."""


class FileDisruption(IntEnum):
    """Why the transfer of a file or folder was interrupted (manual, chapter 03)."""

    REJECTED = 0
    """The receiver refused, or may not be asked."""

    CANCELLED = 1
    """This end cancelled it."""

    CANCELLED_BY_OTHER = 2
    """The other end cancelled it or withdrew the offer, or another device of the receiver's answered first."""

    OTHER_OFFLINE = 3
    P2P_CHANNEL_CLOSED = 4
    """It was to go by a P2P channel and nothing else, and that was lost; others go on by the server then."""

    SELF_OFFLINE = 5
    INNER_ERROR = 6
    """Something failed here: a file could not be read or written."""

    OTHER_INNER_ERROR = 7
    """The other end gave up: its disk is full, its file has gone, or nothing moved there for too long."""

    NETWORK_TOO_SLOW = 8
    """Nothing came, or nothing could be sent, for too long."""

    READ_BLOCKED = 9
    """At the sender: its file gives no bytes, and no error."""

    SENDING_NOT_STARTED = 10
    """At the sender: no thread was free to begin to read."""

    NO_FIRST_PACKAGE = 11
    """At the receiver: it accepted, and nothing came at all."""


class OnBusy(IntEnum):
    """What a send does while its channel is busy."""

    CONTINUE = 0
    DISCARD = 1


class OnNoP2PChannel(IntEnum):
    """What a send by P2P does when there is no channel."""

    TRANSFER_BY_SERVER = 0
    DISCARD = 1


class ChannelMode(IntEnum):
    """By which way information for another user goes."""

    P2P_CHANNEL_FIRST = 0
    TRANSFER_BY_SERVER = 1
    BY_P2P_CHANNEL = 2


class P2PChannelMode(IntEnum):
    """Which kinds of P2P channels are tried (manual, chapter 04)."""

    TCP_AND_UDP = 0
    TCP = 1
    UDP = 2
    NONE = 3


BY_SERVER: Final = ChannelMode.TRANSFER_BY_SERVER


class Priority(IntEnum):
    """Which of a connection's waiting messages leaves first; order is kept within one priority only."""

    URGENT = 0
    NORMAL = 1
    BULK = 2


class Level(IntEnum):
    """How far a message has come; each includes those before it, except that `STORED_ON_DISK` is passed over where the
    receiver is there."""

    QUEUED = 0
    """In this process only."""

    SENT = 1
    """Its last byte has left this process for the kernel; nobody else is known to have it."""

    SERVER_HAS_IT = 2
    """The server holds it in memory: it outlives this process and the receiver's connection, not the server."""

    STORED_ON_DISK = 3
    """The server's offline store has written and synced it: it outlives everything but the disk."""

    RECEIVER_HAS_IT = 4
    """A process of the receiver has it and will hand it to its handler; if it dies before, the next one gets it."""

    RECEIVER_HANDLED_IT = 5
    """A handler of the receiver has returned without raising."""


class RequestFailure(IntEnum):
    """Why a request failed without an answer: body of our extension 1001."""

    TARGET_ABSENT = 1
    ID_DOES_NOT_FIT = 2
    TYPE_UNKNOWN_TO_TARGET = 3
    NOT_ALLOWED = 4
    DROPPED_BY_FILTER = 5
    TOO_LONG = 6
    QUOTA_EXCEEDED = 7
    NO_SUCH_THING = 8
    BUSY = 9
    STORE_FAILED = 10
    CONFLICT = 11
    INVALID = 12
    TOO_FAST = 13
    HANDLER_RAISED = 14
    SENDER_QUOTA_EXCEEDED = 15
