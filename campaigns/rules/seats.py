"""LinkedIn seats: the ways in which steps leave, and what LinkedIn itself allows."""

# A person does each step at LinkedIn and says so; or a provider's HTTP API does it.
ASSISTED, UNIPILE = "assisted", "unipile"
PROVIDERS = (ASSISTED, UNIPILE)
# Most characters of an invitation's note: usual, premium. And of a message.
NOTE_LIMITS = (200, 300)
MOST_MESSAGE = 8_000
# Days after which an invitation that nobody accepted has timed out.
DEFAULT_INVITATION_DAYS, LEAST_DAYS, MOST_DAYS = 21, 1, 180
# What a provider may take no more of, besides the kinds of steps.
WITHDRAWAL = "withdrawal"
