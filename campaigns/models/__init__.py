"""Memory: one noun a file. The database is the truth; Redis only rings the bell."""

from campaigns.models.base import EPOCH, FOREVER, Base, new_id
from campaigns.models.call import Call
from campaigns.models.campaign import AccountLimit, Campaign, CampaignDay, CampaignSender, Node
from campaigns.models.clock import Clock
from campaigns.models.conversation import Answer, Conversation
from campaigns.models.event import Event
from campaigns.models.gate import Gate
from campaigns.models.imports import Import, ImportPart
from campaigns.models.mailbox import Letter, Mailbox
from campaigns.models.message import Message
from campaigns.models.meter import WakeUpMeter
from campaigns.models.prospect import Prospect
from campaigns.models.sender import Sender, SenderDay, SenderUse
from campaigns.models.sessions import Bell, Ringer, connect, ring, session_factory, silence
from campaigns.models.task import Task
from campaigns.models.template import Template
from campaigns.models.undo import Undoable
from campaigns.models.version import Version
from campaigns.models.wake_up import WakeUp
from campaigns.models.workspace import ApiKey, Suppression, User, Workspace

__all__ = [
    "EPOCH",
    "FOREVER",
    "AccountLimit",
    "Answer",
    "ApiKey",
    "Base",
    "Bell",
    "Call",
    "Campaign",
    "CampaignDay",
    "CampaignSender",
    "Clock",
    "Conversation",
    "Event",
    "Gate",
    "Import",
    "ImportPart",
    "Letter",
    "Mailbox",
    "Message",
    "Node",
    "Prospect",
    "Ringer",
    "Sender",
    "SenderDay",
    "SenderUse",
    "Suppression",
    "Task",
    "Template",
    "Undoable",
    "User",
    "Version",
    "WakeUp",
    "WakeUpMeter",
    "Workspace",
    "connect",
    "new_id",
    "ring",
    "session_factory",
    "silence",
]
