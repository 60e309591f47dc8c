/** What an operation may serve, as the node has it; nothing else is deconflicted. */
export const purposes = ['protection', 'rescue', 'arrest', 'border-control', 'humanitarian-access']
